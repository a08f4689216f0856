"""The way through a gate: four steps, and who takes each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from course_utils.drawings.marks import numbered
from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Area, Dot, Shape, Words, box, line, paragraph

TOP, STEP = 50.0, 88.0
ICON = 84.0  # left edge of the icons, which are 60 wide and 56 high


def _browser(x: float, y: float) -> Iterator[Shape]:
    yield box(x, y, 60, 52, edge="ink", thick=2)
    yield line((x, y + 13), (x + 60, y + 13), colour="ink", thick=2)
    for place in range(3):
        yield Dot(x + 8 + 8 * place, y + 6.5, 2)
    for row in range(2):
        yield line((x + 9, y + 22 + 8 * row), (x + 51, y + 22 + 8 * row))
    yield box(x + 9, y + 37, 26, 10, "weights")


def _authors(x: float, y: float) -> Iterator[Shape]:
    for left in (x + 2, x + 32):
        yield Dot(left + 13, y + 14, 9, "others")
        shoulders = ((left, y + 52), (left + 4, y + 28), (left + 22, y + 28), (left + 26, y + 52))
        yield Area(shoulders, "others")


def _code(x: float, y: float) -> Iterator[Shape]:
    yield box(x, y, 60, 52, "others", "washed", edge="ink", thick=2)
    yield line((x + 8, y + 12), (x + 16, y + 20), (x + 8, y + 28), colour="ink", thick=2.4)
    yield line((x + 22, y + 28), (x + 36, y + 28), colour="ink", thick=2.4)
    for row in range(2):
        yield line((x + 9, y + 37 + 7 * row), (x + 51 - 12 * row, y + 37 + 7 * row))


@dataclass(frozen=True)
class Step:
    """``words`` are two or three lines; ``icon`` draws who takes it, at the left upper corner."""

    who: str
    words: str
    icon: Callable[[float, float], Iterator[Shape]]


STEPS = (
    Step(
        "you, in a browser",
        "Log in, and agree to the terms on\n"
        "the model's page. Your name and\n"
        "e-mail address go to its authors.",
        _browser,
    ),
    Step(
        "the authors", "Let you in: at once, or after\nthey have looked at your request.", _authors
    ),
    Step("you, in a browser", "Make a token that may read\ngated repos.", _browser),
    Step(
        "your code",
        "Finds the token, in HF_TOKEN say.\nThen from_pretrained() gets the files.",
        _code,
    ),
)


def gate_steps() -> Drawing:
    title = "Four steps through a gate"
    height = TOP + STEP * len(STEPS) - 10
    return Drawing("gate_steps", title, _words(), height, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    for number, step in enumerate(STEPS):
        top = TOP + STEP * number
        if number + 1 < len(STEPS):
            ends = (38, top + 46), (38, top + STEP + 10)
            yield line(*ends, colour="ink", thick=2, arrow=True)
        yield from numbered(38, top + 28, number + 1, 16)
        yield from step.icon(ICON - 12, top + 2)
        yield Words(150, top + 14, step.who, bold=True)
        yield from paragraph(150, top + 33, step.words, 12)


def _words() -> str:
    return "\n".join(
        f"{number}. {step.who}: {' '.join(step.words.split())}"
        for number, step in enumerate(STEPS, start=1)
    )
