"""Why a prompt twice as long costs twice the cache and four times the scores."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Shape, Words, box, line, paragraph

CELL = 13
PROMPTS = (4, 8)
TOPS = (112, 196)  # where the rows of each prompt begin
CACHE, SCORES = 128, 262  # where the columns begin
CACHE_CELLS = 3  # drawn of a key, and of a value


def kv_cache() -> Drawing:
    return Drawing("kv_cache", "What grows with a longer prompt", _words(), 398, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    yield from paragraph(CACHE, 58, "KV cache\na row per token", size=12)
    yield from paragraph(SCORES, 58, "attention scores\na number per pair", size=12)
    yield Words(CACHE, 103, "key", 12, colour="soft")
    yield Words(CACHE + CACHE_CELLS * CELL + 6, 103, "value", 12, colour="soft")
    for tokens, top in zip(PROMPTS, TOPS, strict=True):
        yield Words(16, top + 13, f"{tokens} tokens", bold=True)
        yield Words(16, top + 31, f"{tokens} rows", 12, colour="soft")
        yield Words(16, top + 47, f"{tokens**2} scores", 12, colour="soft")
        for row in range(tokens):
            yield from _row(top + row * CELL, "washed")
            for column in range(tokens):
                at = SCORES + column * CELL, top + row * CELL
                yield box(*at, CELL, CELL, "activations", "washed", edge="activations")
    below = TOPS[1] + PROMPTS[1] * CELL
    yield from _row(below, "hatched")
    yield line((112, below + CELL / 2), (CACHE - 3, below + CELL / 2), colour="ink", arrow=True)
    yield from paragraph(16, below + 4, "next token:\none more row", size=12)
    yield from paragraph(
        16,
        below + 50,
        "Twice the tokens: twice the rows, four times the scores.\n"
        "The rows stay as long as the chat. The square is gone\n"
        "when the prompt has been read.",
        size=12,
    )


def _row(top: float, fill: str) -> Iterator[Shape]:
    for left in (CACHE, CACHE + CACHE_CELLS * CELL + 6):
        for column in range(CACHE_CELLS):
            yield box(left + column * CELL, top, CELL, CELL, "cache", fill, edge="cache")


def _words() -> str:
    few, many = PROMPTS
    return (
        f"A prompt of {few} tokens: {few} rows in the KV cache, a key and a value in each, and "
        f"{few} × {few} = {few**2} scores of attention.\n"
        f"A prompt of {many} tokens: {many} rows, and {many} × {many} = {many**2} scores.\n"
        "The next token adds one row to the cache.\n"
        "Twice the tokens: twice the rows, four times the scores. The rows stay as long as the "
        "chat; the square is gone when the prompt has been read."
    )
