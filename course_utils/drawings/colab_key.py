"""A sketch of Colab's key: where a token lies that no cell has to hold."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.drawings.marks import WHITE, numbered
from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Area, Dot, Shape, Words, box, line
from course_utils.session.colab import TOKEN_SECRET

STEPS = (
    "Click the key at the left edge of Colab.",
    f"Add a secret. Its name is {TOKEN_SECRET}.",
    "Paste the token as its value.",
    "Switch on the notebook's access to it.",
)


def colab_key() -> Drawing:
    return Drawing("colab_key", "A token behind Colab's key", _words(), 366, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    yield box(16, 46, 368, 176, fill="empty", edge="rule", thick=1.6)
    yield line((64, 46), (64, 222), thick=1.6)
    for top in (60, 98, 196):  # other buttons, unnamed
        yield box(30, top, 20, 16, fill="empty", edge="rule")
    yield box(24, 132, 32, 30, "weights", "washed", edge="weights", thick=2)
    yield from _key(33, 147)
    yield Words(80, 76, "Secrets", 14, bold=True)
    for left, name in ((80, "access"), (150, "name"), (272, "value")):
        yield Words(left, 124, name, 12, colour="soft")
    yield Area(_pill(82, 139, 38, 20), "weights")
    yield Dot(110, 149, 7.5, WHITE)
    yield box(150, 134, 104, 30, fill="empty", edge="ink")
    yield Words(160, 154, TOKEN_SECRET, 13, mono=True)
    yield box(272, 134, 100, 30, fill="empty", edge="ink")
    for place in range(7):
        yield Dot(284 + 12 * place, 149, 3)
    for number, (x, y) in enumerate(((40, 178), (202, 180), (322, 180), (101, 180)), start=1):
        yield from numbered(x, y, number)
    for number, words in enumerate(STEPS, start=1):
        top = 226 + 26 * number
        yield from numbered(28, top - 5, number)
        yield Words(46, top, words, 12)
    yield Words(16, 356, "A sketch. The token stays out of every cell.", 12, colour="soft")


def _key(x: float, y: float) -> Iterator[Shape]:
    yield Dot(x, y, 5.5)
    yield Dot(x, y, 2.2, "paper")
    yield line((x + 4, y), (x + 17, y), colour="ink", thick=3)
    yield line(
        (x + 15.5, y), (x + 15.5, y + 6), (x + 11, y), (x + 11, y + 5), colour="ink", thick=2
    )


def _pill(x: float, y: float, width: float, height: float) -> tuple[tuple[float, float], ...]:
    """A switch: a rectangle whose corners are cut off."""
    cut = height / 3.4
    return (
        (x + cut, y),
        (x + width - cut, y),
        (x + width, y + cut),
        (x + width, y + height - cut),
        (x + width - cut, y + height),
        (x + cut, y + height),
        (x, y + height - cut),
        (x, y + cut),
    )


def _words() -> str:
    steps = "\n".join(f"{number}. {words}" for number, words in enumerate(STEPS, start=1))
    return f"{steps}\nThe token stays out of every cell. A sketch of Colab's panel of secrets."
