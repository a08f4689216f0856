"""``VRAMGauge``: what a model will use of a device's memory, beside what is used."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from course_utils.errors import CourseError
from course_utils.gpus import Device, Gpu, planned_for
from course_utils.memory import MemoryEstimate, MemoryMeasurement, estimate_memory, measure_memory
from course_utils.session.place import current_place
from course_utils.units import in_gib
from course_utils.widgets import markup
from course_utils.widgets.bars import KEY, Bar, as_html, as_text
from course_utils.widgets.device_bars import live_bar, planned_bar
from course_utils.widgets.memory_readings import Reading, read
from course_utils.widgets.sampler import Sampler
from course_utils.widgets.widget import Widget, box, guarded, panel

if TYPE_CHECKING:
    from ipywidgets import VBox


class VRAMGauge(Widget):
    """One bar for each GPU of this machine, or for its RAM where there is none.

    Args:
        predicted: an estimate from ``estimate_memory``, or whatever that function takes, which is
            then estimated as it is stored. None predicts nothing.
        gpu: a GPU to plan for, by name or bytes. Nothing is measured then. None is this machine.

    Raises:
        CourseError: the GPU is not known, or the model cannot be sized.
    """

    def __init__(self, predicted: Any = None, gpu: str | int | Gpu | Device | None = None) -> None:
        self._target = planned_for(gpu)
        self._estimate: MemoryEstimate | None = None
        self._measurement: MemoryMeasurement | None = None
        self._model: weakref.ref[Any] | None = None
        self._sampler: Sampler | None = None
        self._readings: tuple[Reading, ...] = ()
        self._trouble = ""
        self._panel: Any = None
        self._painting = threading.Lock()
        self.predict(predicted)

    @property
    def is_live(self) -> bool:
        return isinstance(self._target, Device)

    def predict(self, predicted: Any) -> VRAMGauge:
        """Draw another prediction: an estimate, or what ``estimate_memory`` takes."""
        if predicted is not None and not isinstance(predicted, MemoryEstimate):
            predicted = estimate_memory(predicted, gpu=self._target)
        self._estimate = predicted
        return self.refresh()

    def measure(self, model: Any) -> VRAMGauge:
        """Draw the weights of a loaded model as they are. The gauge does not keep it alive.

        Raises:
            CourseError: the gauge is for a GPU that is not here.
        """
        self._must_be_live()
        self._measurement = measure_memory(model)
        self._model = weakref.ref(model)
        return self.refresh()

    def refresh(self) -> VRAMGauge:
        """Read the devices again. Trouble is shown in the gauge and not raised."""
        self._trouble = ""
        try:
            if self._model is not None:
                model = self._model()
                self._measurement = None if model is None else measure_memory(model)
            if self.is_live:
                self._readings = read(self._target.kind)
        except Exception as error:  # whatever a driver may say
            self._trouble = f"memory could not be read: {type(error).__name__}: {error}"
        self._paint()
        return self

    @contextmanager
    def watch(self, name: str = "watching") -> Iterator[VRAMGauge]:
        """Sample while the block runs, and draw what was in use over time.

        The samples are taken ten times a second at first and less often later; a gauge that was
        never shown is shown first.

        Raises:
            CourseError: the gauge is for a GPU that is not here, or watches already.
        """
        self._must_be_live()
        if self._sampler is not None and self._sampler.running:
            raise CourseError(f'This gauge is watching "{self._sampler.name}" already.')
        self._sampler = Sampler(str(name), lambda: read(self._target.kind), self._paint)
        if self._panel is None:
            _display(self)
        self._sampler.start()
        try:
            yield self
        finally:
            self._sampler.stop()
            self.refresh()

    @property
    def difference(self) -> str:
        """Measured weights against predicted ones, in words; "" where either is missing."""
        if self._estimate is None or self._measurement is None:
            return ""
        predicted, measured = self._estimate.weights, self._measurement.weights
        name = self._estimate.title()
        both = f"{name}: weights predicted {predicted:,} bytes, measured {measured:,}"
        if predicted == measured:
            return f"{both}: equal to the byte"
        off = measured - predicted
        share = f", {abs(off) / predicted:.1%}" if predicted else ""
        return f"{both}: {in_gib(abs(off))} {'more' if off > 0 else 'less'} than predicted{share}"

    @property
    def bars(self) -> tuple[Bar, ...]:
        """What is drawn.

        Raises:
            CourseError: a size is no number of bytes.
        """
        if isinstance(self._target, Gpu):
            return (planned_bar(self._target, self._estimate),)
        target = self._target
        return tuple(self._live_bar(target, place) for place in range(len(self._readings)))

    @property
    def words(self) -> tuple[str, ...]:
        """The lines below the bars."""
        return tuple(self._words())

    def __str__(self) -> str:
        try:
            bars = [as_text(bar) for bar in self.bars]
        except CourseError as error:
            bars = [str(error)]
        return "\n".join([*bars, *(f"  {line}" for line in (*self.words, KEY))])

    def picture(self) -> bytes:
        from course_utils.widgets.picture import Picture

        page = Picture()
        try:
            for bar in self.bars:
                page.bar(bar)
        except CourseError as error:
            page.lines([str(error)])
        page.lines(self.words)
        return page.png()

    def _build(self) -> VBox:
        from ipywidgets import Button

        self._panel = panel(self._html())
        if not self.is_live:
            return box(self._panel)
        button = Button(description="Refresh", tooltip="Read the memory again")
        button.on_click(lambda _: guarded(self.refresh, self._panel))
        return box(self._panel, button)

    def _paint(self) -> None:
        if self._panel is None:
            return
        with self._painting:  # a watch paints from its own thread
            guarded(self._show, self._panel)

    def _show(self) -> None:
        self._panel.value = self._html()

    def _html(self) -> str:
        try:
            bars = [as_html(bar) for bar in self.bars]
        except CourseError as error:
            bars = [markup.problem(str(error))]
        return markup.view(*bars, markup.paragraphs(self.words))

    def _words(self) -> Iterator[str]:
        if self.difference:
            yield self.difference
        if self._model is not None and self._model() is None:
            yield "the model that was measured here is gone"
        yield from self._elsewhere()
        yield from filter(None, (self._trouble, self._sampler.trouble if self._sampler else ""))

    def _elsewhere(self) -> Iterator[str]:
        by_device = self._measurement.by_device if self._measurement else {}
        for device, count in by_device.items():
            if not any(reading.has(device) for reading in self._readings):
                yield f"{in_gib(count)} of weights lie on {device}, which has no bar here"

    def _live_bar(self, target: Device, place: int) -> Bar:
        sampler = self._sampler
        return live_bar(
            self._readings[place],
            target,
            self._estimate if place == 0 or self._measurement else None,
            self._measurement,
            peak=sampler.peak(place) if sampler else None,
            timeline=sampler.timeline(place) if sampler else None,
        )

    def _must_be_live(self) -> None:
        if not self.is_live:
            raise CourseError(
                f"This gauge plans for {self._target.name}, and measures nothing. A gauge of this "
                "machine is cu.VRAMGauge(estimate), without gpu=."
            )


def _display(gauge: VRAMGauge) -> None:
    """Show it in a notebook; elsewhere do nothing."""
    if current_place() not in ("plain Python", "IPython"):
        from IPython.display import display

        display(gauge)
