"""``FitExplorer``: choose GPU, way, context and batch; bar, verdict and code follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_utils.fit.code import PLACEHOLDER
from course_utils.fit.ways import RULE, all_ways, best_of, estimate_of
from course_utils.gpus import GPUS, Device, Gpu, planned_for
from course_utils.memory import MemoryEstimate, read_checkpoint
from course_utils.text import in_tokens
from course_utils.widgets import markup
from course_utils.widgets.bars import KEY, KEY_AS_HTML, Bar, as_html, as_text
from course_utils.widgets.device_bars import live_bar, planned_bar
from course_utils.widgets.memory_readings import of_device
from course_utils.widgets.widget import Widget, box, guarded, panel

if TYPE_CHECKING:
    from ipywidgets import VBox

HERE = "this machine"
STEP, MOST_TOKENS, MOST_BATCH = 1024, 131_072, 1024


class FitExplorer(Widget):
    """The ways to load one model, to try out. The Hub is asked once, when it is made.

    Args:
        model: repo id, local folder, transformers config or loaded model.
        gpu: a GPU's name or bytes to begin with; None is this machine's.
        context: tokens of each sequence to begin with.
        batch: sequences at once to begin with.

    Raises:
        CannotTell: the model cannot be sized, with the reason.
        CourseError: an argument is not understood, or the Hub gives no answer.
    """

    def __init__(
        self,
        model: Any,
        gpu: str | int | Gpu | Device | None = None,
        context: int = 2048,
        batch: int = 1,
    ) -> None:
        self._targets: dict[str, Gpu | Device] = dict(GPUS)
        self._checkpoint = read_checkpoint(model)
        self._panel: Any = None
        self._show_choice: Any = None
        self._try(gpu, context, batch, None)

    def choose(
        self,
        gpu: str | None = None,
        context: int | None = None,
        batch: int | None = None,
        way: str | None = None,
    ) -> FitExplorer:
        """Try other values; None keeps what is. Where there is no such way, the best is shown.

        Raises:
            CourseError: a value is not accepted; everything stays as it was.
        """
        self._try(
            self.gpu if gpu is None else gpu,
            self.context if context is None else context,
            self.batch if batch is None else batch,
            self.way.way if way is None else way,
        )
        if self._panel is not None:
            self._show_choice()
            self._panel.value = self._html()
        return self

    def _try(self, gpu: Any, context: int, batch: int, wanted: str | None) -> None:
        name, target = self._named(gpu)
        ways, _ = all_ways(self._checkpoint, target, context, batch)
        best = best_of(ways)
        way = next((way for way in ways if way.way == wanted), best or ways[0])
        estimate = estimate_of(way, self._checkpoint, target, context, batch)
        self.bar = bar_of(target, estimate)
        self.gpu, self.context, self.batch = name, context, batch
        self.ways, self.best, self.way = ways, best, way
        self._targets[name] = target

    def _named(self, gpu: Any) -> tuple[str, Gpu | Device]:
        """What a choice stands for, and its name in the list. This machine is looked at anew."""
        if gpu is None or gpu == HERE:
            return HERE, planned_for(None)
        target = self._targets.get(gpu) if isinstance(gpu, str) else None
        target = target or planned_for(gpu)
        return target.name, target

    def title(self) -> str:
        address = self._checkpoint.address or PLACEHOLDER
        return f"{address} on {self.gpu}, {in_tokens(self.context, self.batch)}"

    def verdict_words(self) -> str:
        words = f"{self.way.way}: {self.way.verdict}"
        if self.best is None:
            return f"{words}. No way fits here"
        if self.way == self.best:
            return f"{words}. It is the best way here"
        return f"{words}. The best way here is {self.best.way}"

    def __str__(self) -> str:
        code = [f"    {line}".rstrip() for line in self.way.code.splitlines()]
        lines = [self.title(), f"{self.verdict_words()}", f"  {self.way.why}", as_text(self.bar)]
        return "\n".join([*lines, f"  {KEY}", f"  {RULE}", *code])

    def picture(self) -> bytes:
        from course_utils.widgets.picture import Picture

        page = Picture()
        page.lines([self.title()], bold=True)
        page.verdict(self.way.verdict, self.verdict_words())
        page.lines([self.way.why])
        page.bar(self.bar)
        page.code(self.way.code)
        return page.png()

    def _choices(self) -> list[str]:
        return [HERE, *(name for name in self._targets if name != HERE)]

    def _html(self) -> str:
        return markup.view(
            markup.verdict_line(self.way.verdict, self.verdict_words()),
            markup.paragraphs([self.way.why]),
            as_html(self.bar),
            KEY_AS_HTML,
            markup.code_block(self.way.code, "Code that loads the model this way"),
            markup.paragraphs([RULE]),
        )

    def _build(self) -> VBox:
        from ipywidgets import BoundedIntText, Dropdown, HBox, IntSlider, Layout

        wide = Layout(width="24rem", max_width="100%")
        gpu = Dropdown(options=self._choices(), description="GPU", layout=wide)
        way = Dropdown(options=[self.way.way], description="Way", layout=wide)
        context = IntSlider(
            self.context,
            min=min(STEP, self.context),
            max=max(MOST_TOKENS, self.context),
            step=STEP,
            description="Context",
            layout=wide,
        )
        batch = BoundedIntText(
            self.batch, min=1, max=max(MOST_BATCH, self.batch), description="Batch", layout=wide
        )
        controls = {"gpu": gpu, "way": way, "context": context, "batch": batch}
        self._panel = panel(self._html())
        settling = False

        def show_choice() -> None:
            nonlocal settling
            settling = True
            chosen = {
                "gpu": self.gpu,
                "way": self.way.way,
                "context": self.context,
                "batch": self.batch,
            }
            try:
                gpu.options = self._choices()
                way.options = [(f"{one.way}: {one.verdict}", one.way) for one in self.ways]
                for name, control in controls.items():
                    control.value = chosen[name]
            finally:
                settling = False

        def follow(change: dict[str, Any]) -> None:
            if settling:
                return
            name = next(name for name, control in controls.items() if control is change["owner"])
            guarded(lambda: self.choose(**{name: change["new"]}), self._panel)

        for control in controls.values():
            control.observe(follow, "value")
        self._show_choice = show_choice
        show_choice()
        choices = HBox(list(controls.values()), layout=Layout(flex_flow="row wrap"))
        return box(choices, self._panel)


def bar_of(target: Gpu | Device, estimate: MemoryEstimate) -> Bar:
    if isinstance(target, Gpu):
        return planned_bar(target, estimate)
    return live_bar(of_device(target), target, estimate)
