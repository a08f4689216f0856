"""A sketch of where Colab lends a GPU: its menu, and the box that opens."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.drawings.marks import numbered
from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Dot, Shape, Words, box, line

STEPS = (
    "Open the menu Runtime.",
    "Choose Change runtime type.",
    "Choose a GPU. The T4 costs nothing.",
    "Save. Python starts anew, and what it held is gone.",
)
MENU = ("File", "Edit", "View", "Insert", "Runtime", "Tools")
ITEM = "Change runtime type"
FREE, PAID = ("CPU", "T4 GPU"), ("L4 GPU", "A100 GPU")
CHOSEN = "T4 GPU"


def colab_gpu() -> Drawing:
    return Drawing("colab_gpu", "A GPU from Colab", _words(), 410, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    yield box(16, 46, 368, 222, fill="empty", edge="rule", thick=1.6)
    yield line((16, 76), (384, 76), thick=1.2)
    for left, name in zip((28, 68, 108, 152, 222, 312), MENU, strict=True):
        yield Words(left, 66, name, 12, bold=name == "Runtime")
    yield from numbered(208, 62, 1)
    yield box(198, 80, 174, 30, "weights", "washed", edge="weights", thick=1.6)
    yield Words(230, 100, ITEM, 12)
    yield from numbered(212, 95, 2)
    yield box(30, 122, 342, 134, edge="ink", thick=1.4)
    yield Words(44, 144, ITEM, 13, bold=True)
    yield Words(44, 168, "Hardware accelerator", 12, colour="soft")
    for top, names in ((190, FREE), (220, PAID)):
        for left, name in zip((52, 152), names, strict=True):
            yield from _choice(left, top, name)
    yield Words(250, 224, "with a paid plan", 12, colour="soft")
    yield from numbered(234, 190, 3)
    yield box(310, 232, 50, 20, fill="empty", edge="ink")
    yield Words(335, 246, "Save", 12, "middle")
    yield from numbered(296, 242, 4)
    for number, words in enumerate(STEPS, start=1):
        top = 270 + 26 * number
        yield from numbered(28, top - 5, number)
        yield Words(46, top, words, 12)
    yield Words(16, 402, "A sketch. Which GPUs are offered changes.", 12, colour="soft")


def _choice(x: float, y: float, name: str) -> Iterator[Shape]:
    yield Dot(x, y, 6.5)
    yield Dot(x, y, 5, "paper")
    if name == CHOSEN:
        yield Dot(x, y, 3.2, "weights")
    yield Words(x + 12, y + 4, name, 12, bold=name == CHOSEN)


def _words() -> str:
    steps = "\n".join(f"{number}. {words}" for number, words in enumerate(STEPS, start=1))
    return (
        f"{steps}\nL4 and A100 come with a paid plan.\n"
        "A sketch of Colab's menu. Which GPUs are offered changes."
    )
