"""What ``login()`` shows in a notebook: a link and a code, and no box for a token."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.drawings.marks import numbered
from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Shape, Words, box, line, paragraph

# The words of huggingface_hub (a test reads them there); the code is made up.
ASKS = "To log in, open this URL and enter the code:"
WAITS = "Waiting for authorization..."
CODE = "BCDF-2345"
ADDRESS = "https://huggingface.co/…"
STEPS = (
    "Open the link in a browser where you are logged in.",
    "Type the code there, and approve.",
    "The cell goes on by itself.",
)


def login_box() -> Drawing:
    return Drawing("login_box", "login() waits for a browser", _words(), 372, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    yield box(16, 46, 368, 30, "others", "washed", edge="rule")
    yield Words(28, 66, "login()", 13, mono=True)
    yield box(16, 82, 368, 136, fill="empty", edge="rule")
    yield Words(200, 106, ASKS, 12, "middle")
    yield Words(200, 130, ADDRESS, 13, "middle", bold=True)
    yield line((96, 134), (304, 134), colour="ink")
    yield Words(200, 164, CODE, 20, "middle", bold=True, mono=True)
    yield Words(200, 200, WAITS, 12, "middle", colour="soft")
    for number, (y, target) in enumerate(((125, 88), (157, 134), (195, 100)), start=1):
        yield from numbered(40, y, number)
        yield line((52, y), (target, y), colour="weights", thick=2, arrow=True)
    for number, words in enumerate(STEPS, start=1):
        top = 222 + 26 * number
        yield from numbered(28, top - 5, number)
        yield Words(46, top, words, 12)
    yield from paragraph(
        16,
        336,
        "Older texts say that a box asks for a token. There is none.\n"
        "Until you approve, the cell waits.",
        12,
    )


def _words() -> str:
    steps = "\n".join(f"{number}. {words}" for number, words in enumerate(STEPS, start=1))
    return (
        f"Below a cell with login() stands: {ASKS} {ADDRESS}, then a code such as {CODE}, then: "
        f"{WAITS}\n{steps}\n"
        "Older texts say that a box asks for a token. There is none. Until you approve, the cell "
        "waits."
    )
