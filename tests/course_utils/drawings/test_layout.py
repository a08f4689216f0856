"""No picture has clipped, crossing, tiny or pale text. Widths are DejaVu's: few fonts are wider."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest
from transformers import LlamaConfig

from course_utils.drawings import DRAWINGS, draw_hits, draw_memory
from course_utils.drawings.shapes import WASHED, WIDTH, Area, Dot, Line, Words, colour_of
from course_utils.memory import estimate_memory
from course_utils.palette import DARK, LIGHT

# One that fits, one that does not, one that is 25 times the others.
ASKED = ((32, "nf4-double", 16384), (32, None, 4096), (100, "int8", 9))
ESTIMATES = [
    estimate_memory(
        LlamaConfig(num_hidden_layers=layers, num_key_value_heads=8),
        "float16",
        quantization,
        context,
        gpu="T4",
    )
    for layers, quantization, context in ASKED
]
SMALLEST = 12  # units of 400: 10.8 pixels where the picture is 360 wide
MARGIN = 4


@dataclass(frozen=True)
class Rect:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rect) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Rect) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@cache
def width_of(text: str, size: float, bold: bool, mono: bool) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    family = "DejaVu Sans Mono" if mono else "DejaVu Sans"
    font = FontProperties(family=family, weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().x1)


def rect_of(words: Words) -> Rect:
    """Around the letters without their descenders, which may touch a line below."""
    width = width_of(words.text, words.size, words.bold, words.mono)
    left = words.x - {"start": 0.0, "middle": width / 2, "end": width}[words.anchor]
    return Rect(left, words.y - 0.74 * words.size, left + width, words.y)


def crosses(start: tuple[float, float], end: tuple[float, float], rect: Rect) -> bool:
    """Whether a straight line runs through a rectangle, tried at many of its points."""
    for step in range(401):
        share = step / 400
        x = start[0] + share * (end[0] - start[0])
        y = start[1] + share * (end[1] - start[1])
        if rect.left < x < rect.right and rect.top < y < rect.bottom:
            return True
    return False


def is_inside(x: float, y: float, points: tuple[tuple[float, float], ...]) -> bool:
    inside = False
    for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside


def texts(picture):
    return [shape for shape in picture.all_shapes() if isinstance(shape, Words)]


@pytest.fixture(params=[*DRAWINGS, "memory bars", "hits"])
def picture(request):
    if request.param == "memory bars":
        return draw_memory(*ESTIMATES, gpu="T4")
    if request.param == "hits":
        return draw_hits({"English": [True] * 20, "German, in a long word or more": [False] * 20})
    return DRAWINGS[request.param]()


def test_every_text_is_on_the_sheet(picture):
    sheet = Rect(MARGIN, MARGIN, WIDTH - MARGIN, picture.height - MARGIN)
    assert [one.text for one in texts(picture) if not sheet.holds(rect_of(one))] == []


def test_no_two_texts_meet(picture):
    placed = [(one.text, rect_of(one)) for one in texts(picture)]
    meeting = [
        (text, other)
        for number, (text, rect) in enumerate(placed)
        for other, other_rect in placed[number + 1 :]
        if rect.meets(other_rect)
    ]
    assert meeting == []


def test_no_line_and_no_edge_runs_through_a_text(picture):
    shapes = picture.all_shapes()
    found = []
    for shape in shapes:
        if not isinstance(shape, Line | Area):
            continue
        points = shape.points if isinstance(shape, Line) else (*shape.points, shape.points[0])
        for words in texts(picture):
            rect = rect_of(words)
            if any(crosses(*ends, rect) for ends in zip(points, points[1:], strict=False)):
                found.append((words.text, shape))
    assert found == []


def test_no_text_is_tiny(picture):
    assert [one.text for one in texts(picture) if one.size < SMALLEST] == []


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(picture, theme):
    shapes = picture.all_shapes()
    pale = []
    for place, words in enumerate(shapes):
        if isinstance(words, Words):
            behind = background(words, shapes[:place], theme)
            ratio = contrast(rgb(colour_of(words.colour, theme)), behind)
            if ratio < 4.5:
                pale.append((words.text, round(ratio, 2)))
    assert pale == []


def background(words, below, theme):
    rect = rect_of(words)
    x, y = (rect.left + rect.right) / 2, (rect.top + rect.bottom) / 2
    seen = rgb(theme["paper"])
    for shape in below:
        if isinstance(shape, Dot):
            if (shape.x - x) ** 2 + (shape.y - y) ** 2 < shape.radius**2:
                seen = rgb(colour_of(shape.colour, theme))
        elif isinstance(shape, Area) and is_inside(x, y, shape.points):
            share = {"empty": 0.0, "washed": WASHED, "hatched": 0.5, "solid": 1.0}[shape.fill]
            over = rgb(colour_of(shape.colour, theme))
            seen = tuple(share * a + (1 - share) * b for a, b in zip(over, seen, strict=True))
    return seen


def rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))


def contrast(one, other) -> float:
    """WCAG 2's ratio of two colours, 1 to 21."""

    def luminance(colour):
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
