"""What a picture consists of. Lengths are units of a sheet that is 400 wide; y grows downwards.

``colour`` is a name that turns with the page ("paper", "ink", "soft", "rule"), a part of memory as
the widgets name it ("weights", "cache", …), a verdict's ("yes", "if", "no", "unsure"), or
"#rrggbb".
"""

from __future__ import annotations

from dataclasses import dataclass

from course_utils import palette

WIDTH = 400.0
FIXED = {
    **palette.COLOURS,
    "yes": palette.YES,
    "if": palette.IF,
    "no": palette.NO,
    "unsure": palette.UNSURE,
}
WASHED = 0.22  # how much of its colour a washed area keeps


def colour_of(name: str, theme: dict[str, str]) -> str:
    """The name's "#rrggbb" on a light or a dark page."""
    return theme.get(name) or FIXED.get(name) or name


@dataclass(frozen=True)
class Words:
    """One line of text. ``y`` is its baseline; ``anchor`` is "start", "middle" or "end"."""

    x: float
    y: float
    text: str
    size: float = 13
    anchor: str = "start"
    bold: bool = False
    mono: bool = False
    colour: str = "ink"


@dataclass(frozen=True)
class Area:
    """A polygon. ``fill`` is "solid", "washed", "hatched" or "empty"; ``edge`` a colour or ""."""

    points: tuple[tuple[float, float], ...]
    colour: str = "paper"
    fill: str = "solid"
    edge: str = ""
    thick: float = 1.2
    dashed: bool = False


@dataclass(frozen=True)
class Line:
    """Through all points. ``arrow`` puts a tip on the last."""

    points: tuple[tuple[float, float], ...]
    colour: str = "rule"
    thick: float = 1.2
    dashed: bool = False
    arrow: bool = False


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    colour: str = "ink"


Shape = Words | Area | Line | Dot


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    colour: str = "paper",
    fill: str = "solid",
    edge: str = "",
    thick: float = 1.2,
    dashed: bool = False,
) -> Area:
    """An upright rectangle by its upper left corner."""
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return Area(corners, colour, fill, edge, thick, dashed)


def line(
    *points: tuple[float, float],
    colour: str = "rule",
    thick: float = 1.2,
    dashed: bool = False,
    arrow: bool = False,
) -> Line:
    return Line(points, colour, thick, dashed, arrow)


def paragraph(x: float, y: float, lines: str, size: float = 13, **look: object) -> list[Words]:
    """Several lines of text, one below the other, the first with its baseline at ``y``."""
    step = 1.35 * size
    return [
        Words(x, y + number * step, text, size, **look)  # type: ignore[arg-type]
        for number, text in enumerate(lines.splitlines())
    ]
