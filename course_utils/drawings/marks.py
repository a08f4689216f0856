"""Signs that several pictures use: a verdict's shape, as in the widgets, and a number on a dot."""

from __future__ import annotations

import math
from collections.abc import Iterator

from course_utils.drawings.shapes import Area, Dot, Shape, Words, line

CORNERS = {"yes": 24, "yes-if": 3, "no": 8, "cannot-tell": 4}
COLOURS = {"yes": "yes", "yes-if": "if", "no": "no", "cannot-tell": "unsure"}
WHITE = "#ffffff"


def verdict_mark(x: float, y: float, verdict: str, radius: float = 10) -> Iterator[Shape]:
    """A white sign on a circle (yes), triangle (yes, if), octagon (no) or diamond around (x, y)."""
    yield _polygon(x, y, verdict, radius)
    unit = radius / 10
    match verdict:
        case "yes":
            path = ((x - 5 * unit, y), (x - 1.5 * unit, y + 4 * unit), (x + 5 * unit, y - 4 * unit))
            yield line(*path, colour=WHITE, thick=2.4 * unit)
        case "yes-if":
            yield line((x, y - 4 * unit), (x, y + 2 * unit), colour=WHITE, thick=2.4 * unit)
            yield Dot(x, y + 4.5 * unit, 1.4 * unit, WHITE)
        case "no":
            for side in (-1, 1):
                ends = (x - 4 * unit, y - 4 * side * unit), (x + 4 * unit, y + 4 * side * unit)
                yield line(*ends, colour=WHITE, thick=2.4 * unit)
        case _:
            for place in (-4, 0, 4):  # three dots: wait
                yield Dot(x + place * unit, y, 1.5 * unit, WHITE)


def numbered(x: float, y: float, number: int, radius: float = 10) -> Iterator[Shape]:
    """A white number on a dot around (x, y): what is spoken of below."""
    yield Dot(x, y, radius, "weights")
    size = 1.2 * radius
    yield Words(x, y + 0.37 * size, f"{number}", size, "middle", bold=True, colour=WHITE)


def _polygon(x: float, y: float, verdict: str, radius: float) -> Area:
    count = CORNERS[verdict]
    turn = math.pi / 8 if verdict == "no" else -math.pi / 2
    reach = radius * (1.3 if count < 5 else 1.05)
    points = tuple(
        (
            x + reach * math.cos(turn + 2 * math.pi * corner / count),
            y + reach * math.sin(turn + 2 * math.pi * corner / count),
        )
        for corner in range(count)
    )
    return Area(points, COLOURS[verdict])
