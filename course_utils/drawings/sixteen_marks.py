"""One weight becomes the nearest of sixteen values, and what is kept is which one that was."""

from __future__ import annotations

import math
from collections.abc import Iterator

from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Area, Dot, Shape, Words, box, line, paragraph

# What four bits mean in nf4, as bitsandbytes has it (a test compares).
NF4 = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)
WEIGHT = 0.37
MIDDLE, UNIT = 200.0, 176.0
LINE = 172.0


def nearest_mark(weight: float) -> int:
    """The number, 0 to 15, of the value in ``NF4`` that lies nearest."""
    return min(range(len(NF4)), key=lambda number: abs(NF4[number] - weight))


def sixteen_marks() -> Drawing:
    title = "A weight becomes one of 16 values"
    return Drawing("sixteen_marks", title, _words(), 392, tuple(_shapes()))


def _at(value: float) -> float:
    return MIDDLE + UNIT * value


def _shapes() -> Iterator[Shape]:
    yield _bell()
    yield from paragraph(
        16, 60, "Most weights are close\nto zero, so most of the\nmarks are, too.", 12
    )
    yield line((_at(-1), LINE), (_at(1), LINE), colour="ink")
    chosen = nearest_mark(WEIGHT)
    for number, value in enumerate(NF4):
        is_chosen = number == chosen
        colour, thick = ("weights", 3.5) if is_chosen else ("ink", 1.6)
        yield line((_at(value), LINE - 8), (_at(value), LINE + 8), colour=colour, thick=thick)
        low = LINE + (24 if number % 2 else 40)
        yield Words(_at(value), low, f"{number}", 12, "middle", bold=is_chosen, mono=True)
    for value, anchor in ((-1.0, "start"), (0.0, "middle"), (1.0, "end")):
        at = _at(value) + {"start": -8, "middle": 0, "end": 8}[anchor]
        yield Words(at, LINE + 62, f"value {value:g}", 12, anchor, colour="soft")
    yield from _the_weight(chosen)


def _bell() -> Area:
    """How weights lie, roughly: a bell curve with most of them near zero."""
    outline = [(x / 50, math.exp(-((x / 50 / 0.36) ** 2) / 2)) for x in range(-50, 51)]
    points = [(_at(x), LINE - 78 * y) for x, y in outline]
    return Area(((_at(-1), LINE), *points, (_at(1), LINE)), "others", "washed")


def _the_weight(chosen: int) -> Iterator[Shape]:
    at = _at(WEIGHT)
    yield Words(384, 84, f"your weight: {WEIGHT}", 13, "end", bold=True)
    yield Dot(at, 98, 5, "cache")
    yield line((at, 104), (at, 150), (_at(NF4[chosen]) + 1, LINE - 9), colour="cache", thick=2)
    top = 262.0
    yield line((_at(NF4[chosen]), LINE + 29), (_at(NF4[chosen]), top - 3), dashed=True, arrow=True)
    yield Words(16, top + 16, f"nearest: mark {chosen}", bold=True)
    left = _at(NF4[chosen]) - 48
    for place, bit in enumerate(f"{chosen:04b}"):
        yield box(left + 24 * place, top, 22, 24, "weights", "washed", edge="weights")
        yield Words(left + 24 * place + 11, top + 17, bit, 15, "middle", mono=True)
    yield Words(16, top + 52, "kept: only these four bits", bold=True)
    yield from paragraph(
        16,
        top + 78,
        f"When the weight is needed, mark {chosen} is looked up:\n"
        f"{NF4[chosen]:.4f} instead of {WEIGHT}. The 16 values, called nf4,\n"
        "are the same for all weights.",
        12,
    )


def _words() -> str:
    chosen = nearest_mark(WEIGHT)
    marks = ", ".join(f"{number}: {value:.2f}" for number, value in enumerate(NF4))
    return (
        f"A line from -1 to 1 with sixteen marks, close together near zero, where most weights "
        f"are: {marks}.\n"
        f"The weight {WEIGHT} lies nearest to mark {chosen}, which is {NF4[chosen]:.4f}. Kept is "
        f"only the number {chosen}, in four bits {chosen:04b}.\n"
        f"When the weight is needed, mark {chosen} is looked up. The sixteen values are called nf4."
    )
