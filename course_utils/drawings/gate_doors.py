"""A gated model answers in one of four ways: 401, 403, 403 again, or with the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course_utils.drawings.marks import verdict_mark
from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Area, Dot, Shape, Words, box, paragraph


@dataclass(frozen=True)
class Door:
    """``status`` is what ``check_access`` calls it; ``mark`` the sign on the door."""

    code: int
    status: str
    mark: str
    meaning: str
    step: str


DOORS = (
    Door(401, "login needed", "no", "The Hub does not know you.", "Log in: send a token along."),
    Door(
        403,
        "terms not accepted",
        "yes-if",
        "It knows you. You did not agree yet.",
        "Agree on the model's page.",
    ),
    Door(
        403,
        "pending",
        "cannot-tell",
        "You asked. The authors decide.",
        "Wait, and work with another model.",
    ),
    Door(200, "granted", "yes", "You are in.", "Download it."),
)
TOP, STEP = 50.0, 92.0
WIDE, HIGH = 52.0, 76.0


def gate_doors() -> Drawing:
    title = "Four doors of a gated model"
    height = TOP + STEP * len(DOORS) + 4
    return Drawing("gate_doors", title, _words(), height, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    for number, door in enumerate(DOORS):
        top = TOP + STEP * number
        yield from _leaf(20, top, door)
        yield Words(96, top + 19, f"{door.code}", 18, bold=True)
        yield Words(140, top + 18, door.status, bold=True)
        yield from paragraph(96, top + 42, f"{door.meaning}\n→ {door.step}", 13)


def _leaf(x: float, y: float, door: Door) -> Iterator[Shape]:
    yield box(x - 4, y - 4, WIDE + 8, HIGH + 4, "others", "washed", edge="rule")
    if door.code != 200:
        yield box(x, y, WIDE, HIGH, edge="ink", thick=2)
        yield Dot(x + WIDE - 8, y + HIGH / 2 + 8, 3)
        yield from verdict_mark(x + WIDE / 2, y + 24, door.mark)
        return
    yield box(x, y, WIDE, HIGH, edge="ink", thick=2)
    yield from verdict_mark(x + WIDE / 2 + 9, y + 30, door.mark)
    leaf = ((x, y), (x + 16, y + 9), (x + 16, y + HIGH + 9), (x, y + HIGH))
    yield Area(leaf, "others", "washed", edge="ink", thick=2)
    yield Dot(x + 12, y + HIGH / 2 + 14, 2.4)


def _words() -> str:
    return "\n".join(
        f"{door.code}, {door.status}: {door.meaning} Next: {door.step}" for door in DOORS
    )
