"""``LicenseCheck``: may this model be used for that? What ``check_license`` says, to click."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from course_utils.errors import CourseError
from course_utils.licenses import USES, LicenseReport, check_license
from course_utils.widgets import markup
from course_utils.widgets.widget import Widget, box, guarded, panel

if TYPE_CHECKING:
    from ipywidgets import VBox

ASK = "Type a repo id (owner/name) or a license identifier (apache-2.0), and press Enter."
JUST_NOW = 1.0  # seconds


class LicenseCheck(Widget):
    """A field for the model, a choice of the use; below them verdict, conditions and evidence.

    Args:
        model: repo id or license identifier to begin with; "" begins with an empty field.
        use: "commercial", "internal", "research" or "personal".

    Raises:
        CourseError: there is no such use. Trouble with the Hub is shown and not raised.
    """

    def __init__(self, model: str = "", use: str = "commercial") -> None:
        self.model, self.use = str(model).strip(), _known(use)
        self.report: LicenseReport | None = None
        self.trouble = ""
        self._panel: Any = None
        self._show_choice: Any = None
        self._answered = -JUST_NOW
        self._look_up()

    def check(self, model: str, use: str | None = None) -> LicenseCheck:
        """Ask about another model, or the same one for another use.

        Raises:
            CourseError: there is no such use.
        """
        use = _known(use or self.use)
        self.model = str(model).strip()
        self.use = use
        if self._panel is not None:
            self._show_choice()
            waiting = f"Asking about {self.model} …"
            self._panel.value = markup.view(markup.status(waiting))
        self._look_up()
        if self._panel is not None:
            self._panel.value = self._html()
        return self

    def __str__(self) -> str:
        return str(self.report) if self.report else self.trouble or ASK

    def picture(self) -> bytes:
        from course_utils.widgets.picture import Picture

        page = Picture()
        if self.report:
            page.verdict(self.report.verdict, self.report.title())
            page.facts(self.report.rows())
        else:
            page.lines([self.trouble or ASK])
        return page.png()

    def _look_up(self) -> None:
        self.report, self.trouble = None, ""
        if self.model:
            try:
                self.report = check_license(self.model, self.use)
            except CourseError as error:
                self.trouble = str(error)
        self._answered = time.monotonic()

    def _build(self) -> VBox:
        from ipywidgets import Button, Dropdown, HBox, Layout, Text

        model = Text(
            self.model,
            description="Model",
            placeholder="owner/name",
            continuous_update=False,
            layout=Layout(width="24rem", max_width="100%"),
        )
        use = Dropdown(options=list(USES), value=self.use, description="Use")
        button = Button(description="Check", tooltip="Ask the Hub again")
        self._panel = panel(self._html())
        settling = False

        def show_choice() -> None:
            nonlocal settling
            settling = True
            try:
                model.value, use.value = self.model, self.use
            finally:
                settling = False

        def ask(_: Any) -> None:
            if not settling:
                guarded(lambda: self.check(model.value, use.value), self._panel)

        def ask_again(_: Any) -> None:
            # Leaving the field for the button has asked already.
            if time.monotonic() - self._answered > JUST_NOW:
                ask(_)

        model.observe(ask, "value")
        use.observe(ask, "value")
        button.on_click(ask_again)
        self._show_choice = show_choice
        controls = HBox([model, use, button], layout=Layout(flex_flow="row wrap"))
        return box(controls, self._panel)

    def _html(self) -> str:
        if self.report:
            verdict = markup.verdict_line(self.report.verdict, self.report.title())
            return markup.view(verdict, markup.facts(self.report.rows(), self.report.drawn()))
        return markup.view(markup.problem(self.trouble) if self.trouble else markup.status(ASK))


def _known(use: str) -> str:
    if use not in USES:
        raise CourseError(f"{use!r} is no use that is known here. Known are {', '.join(USES)}.")
    return use
