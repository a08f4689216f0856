"""``draw_memory()``: estimates as bars beside a GPU's end."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.drawings.marks import verdict_mark
from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Shape, Words, box, line
from course_utils.errors import CourseError
from course_utils.fit.ways import FITS, NO, TIGHT, needed_on, usable_bytes, verdict
from course_utils.gpus import Device, Gpu, planned_for
from course_utils.memory import MemoryEstimate
from course_utils.text import shorten
from course_utils.units import in_gib
from course_utils.widgets.bars import NAMES
from course_utils.widgets.labels import room_for, spread

MARKS = {FITS: "yes", TIGHT: "yes-if", NO: "no"}
PARTS = ("weights", "cache", "activations", "attention", "runtime")  # as the widgets name them
LEFT, RIGHT = 16.0, 384.0
TOP, STEP = 66.0, 84.0
BAR = 22.0  # its height
BESIDE = 4.0  # between a name and the GPU's end
LONGEST_TITLE, LONGEST_LABEL = 33, 26


def draw_memory(*estimates: MemoryEstimate, gpu: str | int | Gpu | Device | None = None) -> Drawing:
    """Estimates as bars, one below the other, with a line where the GPU ends.

    Args:
        estimates: what ``estimate_memory()`` gives, such as one for each of three contexts. Make
            them with the same ``gpu``, for old GPUs need more.
        gpu: a name in ``GPUS``, "cpu", bytes, a ``Gpu`` or ``Device``; None is this machine's.

    Raises:
        CourseError: there is no estimate to draw, or no such GPU.
    """
    if not estimates or not all(isinstance(one, MemoryEstimate) for one in estimates):
        raise CourseError("Give one or more estimates: cu.draw_memory(cu.estimate_memory(…)).")
    target = planned_for(gpu)
    bars = [
        _Bar(one, target, label) for one, label in zip(estimates, _labels(estimates), strict=True)
    ]
    models = {one.model.split("/")[-1] for one in estimates}
    subject = models.pop() if len(models) == 1 else "Models"
    title = shorten(f"{subject} on {target.name}", LONGEST_TITLE)
    height = TOP + STEP * len(bars) + 46
    return Drawing("memory_bars", title, _words(bars, target), height, tuple(_shapes(bars, target)))


class _Bar:
    """One estimate, cut into the parts that are drawn. Sizes in bytes, those that are expected."""

    def __init__(self, estimate: MemoryEstimate, target: Gpu | Device, label: str) -> None:
        needed = needed_on(target, estimate)
        self.label = label
        self.total, self.most = needed.expected, needed.high
        self.verdict = verdict(needed, usable_bytes(target))
        known = {
            "runtime": estimate.runtime.expected if target.kind == "cuda" else 0,
            "weights": estimate.weights,
            "cache": estimate.kv_cache + estimate.cache_states,
            "attention": estimate.attention.expected,
        }
        self.parts = {**known, "activations": max(0, self.total - sum(known.values()))}

    def words(self) -> str:
        number, unit = in_gib(self.total).split()
        most = in_gib(self.most)
        return f"{number} to {most}" if most.endswith(unit) else f"{number} {unit} to {most}"


def _labels(estimates: tuple[MemoryEstimate, ...]) -> list[str]:
    """What sets each apart from the others."""
    asked = [
        (
            one.model.split("/")[-1],
            one.quantization or one.dtype,
            f"{one.context:,} tokens" + (f" × {one.batch:,}" if one.batch > 1 else ""),
        )
        for one in estimates
    ]
    differ = [len(set(column)) > 1 for column in zip(*asked, strict=True)]
    if not any(differ):
        differ = [False, True, True]
    return [
        shorten(
            ", ".join(word for word, told in zip(one, differ, strict=True) if told), LONGEST_LABEL
        )
        for one in asked
    ]


def _shapes(bars: list[_Bar], target: Gpu | Device) -> Iterator[Shape]:
    usable = usable_bytes(target)
    unit = (RIGHT - LEFT) / max(usable * 1.12, *(bar.most for bar in bars))
    limit = LEFT + usable * unit
    for number, bar in enumerate(bars):
        top = TOP + STEP * number
        yield from verdict_mark(LEFT + 9, top - 4, MARKS[bar.verdict], 8)
        yield Words(LEFT + 24, top, shorten(bar.label, LONGEST_LABEL), 12, bold=True)
        yield Words(RIGHT, top, bar.words(), 12, "end")
        yield from _bar(bar, top + 10, unit, limit)
        if bar.total > usable:
            yield box(
                limit, top + 6, (bar.total - usable) * unit, 30, fill="empty", edge="no", thick=3
            )
        yield line((limit, top + 5), (limit, top + 37), colour="ink", thick=2.4)
    end = TOP + STEP * len(bars)
    yield line((LEFT + 11, end - 12), (LEFT + 11, end + 2), colour="ink", thick=2.4)
    yield Words(LEFT + 28, end, f"{target.name} ends here: {in_gib(usable)}", 12)
    yield from _legend(end + 13)


def _bar(bar: _Bar, top: float, unit: float, limit: float) -> Iterator[Shape]:
    left = LEFT
    thin: list[tuple[str, float]] = []
    for kind, size in bar.parts.items():
        width = size * unit
        if size:
            yield box(left, top, width, BAR, kind, "hatched", edge=kind)  # for it is predicted
            middle = _inside(NAMES[kind][2], left, width, limit)
            if middle is None:
                thin.append((NAMES[kind][2], left + width / 2))
            else:
                yield from _name(NAMES[kind][2], middle, top)
        left += width
    if bar.most > bar.total:
        width = (bar.most - bar.total) * unit
        yield box(left, top, width, BAR, fill="empty", edge="rule", dashed=True)
    yield from _names_below(thin, top + BAR)


def _inside(name: str, left: float, width: float, limit: float) -> float | None:
    """Where the name's middle has room in the part, beside the GPU's end; None: nowhere."""
    half = room_for(name) / 2
    for middle in (left + width / 2, limit - half - BESIDE, limit + half + BESIDE):
        is_beside = abs(middle - limit) >= half + BESIDE
        if left + half <= middle <= left + width - half and is_beside:
            return middle
    return None


def _name(name: str, middle: float, top: float) -> Iterator[Shape]:
    width = room_for(name)
    yield box(middle - width / 2, top + 3, width, BAR - 6)
    yield Words(middle, top + BAR / 2 + 4.5, name, 12, "middle")


def _names_below(thin: list[tuple[str, float]], top: float) -> Iterator[Shape]:
    """The names that have no room in their part, each at the end of a line from it."""
    whole = RIGHT - LEFT
    halves = [room_for(name) / 2 / whole for name, _ in thin]
    places = spread(halves, [(middle - LEFT) / whole for _, middle in thin])
    for (name, middle), place in zip(thin, places, strict=True):
        at = LEFT + place * whole
        yield line((middle, top + 6), (at, top + 14), colour="ink")
        yield Words(at, top + 26, name, 12, "middle")


def _legend(top: float) -> Iterator[Shape]:
    yield box(LEFT, top, 22, 18, "unsure", "hatched", edge="unsure")
    yield Words(LEFT + 28, top + 13, "predicted", 12)
    yield box(LEFT + 130, top, 22, 18, fill="empty", edge="rule", dashed=True)
    yield Words(LEFT + 158, top + 13, "at most", 12)


def _words(bars: list[_Bar], target: Gpu | Device) -> str:
    lines = [f"{target.name} has {in_gib(usable_bytes(target))}. All figures are predicted."]
    for bar in bars:
        parts = ", ".join(f"{NAMES[kind][0]} {in_gib(bar.parts[kind])}" for kind in PARTS)
        lines.append(f"{bar.label}: {bar.words()}: {bar.verdict} ({parts})")
    return "\n".join(lines)
