"""``draw_hits()``: which of the tickets found their solved one, a square for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import WIDTH, Shape, Words, box, line
from course_utils.errors import CourseError
from course_utils.text import shorten

MOST = 20  # squares in a line
LONGEST_LABEL = 32
LEFT, TOP, STEP = 16.0, 58.0, 48.0
SQUARE, PITCH = 15.4, 18.5


def draw_hits(rows: Mapping[str, Sequence[bool] | int], of: int = MOST) -> Drawing:
    """Hits and misses as squares: a full one is a hit, an empty one with a cross a miss.

    Args:
        rows: for each label (a language, a format) how many tickets were found, as ``hits()``
            counts them; or whether each was found, in the same order everywhere, so that a column
            is one ticket.
        of: how many tickets there were, where only the hits were counted.

    Raises:
        CourseError: there is nothing to draw, or a row is longer than the picture is wide.
    """
    if not isinstance(rows, Mapping) or not rows:
        raise CourseError('Give labels with their hits: cu.draw_hits({"English": [True, False]}).')
    found = {shorten(str(label), LONGEST_LABEL): _squares(hits, of) for label, hits in rows.items()}
    if len(found) < len(rows):
        raise CourseError(f"Two labels begin with the same {LONGEST_LABEL - 1} letters.")
    if not all(1 <= len(hits) <= MOST for hits in found.values()):
        raise CourseError(f"Each label needs between 1 and {MOST} hits: a square stands for one.")
    height = TOP + STEP * len(found) + 28
    title = f"Hits of {max(map(len, found.values()))}"
    return Drawing("hits", title, _words(found, rows), height, tuple(_shapes(found)))


def _squares(hits: Sequence[bool] | int, of: int) -> list[bool]:
    if type(hits) is int and 0 <= hits <= of <= MOST:
        return [True] * hits + [False] * (of - hits)
    if isinstance(hits, Iterable):
        return [bool(hit) for hit in hits]
    raise CourseError(
        f"Hits are a number from 0 to {of}, or a list with True where a ticket was found; "
        f"{shorten(repr(hits), 40)} is neither."
    )


def _shapes(found: Mapping[str, list[bool]]) -> Iterator[Shape]:
    for row, (label, hits) in enumerate(found.items()):
        top = TOP + STEP * row
        yield Words(LEFT, top, label, 12)
        yield Words(WIDTH - 16, top, f"{sum(hits)} of {len(hits)}", 13, "end", bold=True)
        for place, hit in enumerate(hits):
            yield from _square(LEFT + PITCH * place, top + 8, hit)
    below = TOP + STEP * len(found) - 2
    yield from _square(LEFT, below, True)
    yield Words(LEFT + 22, below + 12, "found", 12, colour="soft")
    yield from _square(LEFT + 92, below, False)
    yield Words(LEFT + 114, below + 12, "not found", 12, colour="soft")


def _square(x: float, y: float, hit: bool) -> Iterator[Shape]:
    if hit:
        yield box(x, y, SQUARE, SQUARE, "weights")
        return
    yield box(x, y, SQUARE, SQUARE, fill="empty", edge="no", thick=1.6)
    for ends in (((0, 0), (1, 1)), ((0, 1), (1, 0))):
        yield line(*((x + SQUARE * a, y + SQUARE * b) for a, b in ends), colour="no", thick=1.6)


def _words(found: Mapping[str, list[bool]], rows: Mapping[str, object]) -> str:
    lines = []
    for (label, hits), given in zip(found.items(), rows.values(), strict=True):
        missed = [str(number) for number, hit in enumerate(hits, start=1) if not hit]
        which = f"; not found: {', '.join(missed)}" if missed and type(given) is not int else ""
        lines.append(f"{label}: {sum(hits)} of {len(hits)}{which}")
    return "\n".join(lines)
