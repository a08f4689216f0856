"""A 7B at four sizes, and which of them a T4 holds."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Shape, Words, box, line
from course_utils.gpus import GPUS
from course_utils.memory.quantization import QUANTIZATIONS
from course_utils.units import GIB, in_gib

MODEL = "Qwen2.5-7B"
# Bytes of its weights, as ``estimate_memory`` has them (a test compares).
SIZES = {
    "float32": 30_462_466_560,
    "float16": 15_231_233_536,
    "int8": 8_711_507_456,
    "nf4-double": 5_547_065_616,
}
COMMENTS = {
    "float32": "far too large",
    "float16": "no room left to work",
    "int8": "fits",
    "nf4-double": "fits",
}
LEFT = 16.0
UNIT = 368 / 29  # for a GiB


def four_sizes() -> Drawing:
    title = "One 7B model in four sizes"
    return Drawing("four_sizes", title, _words(), 330, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    limit = LEFT + GPUS["T4"].memory / GIB * UNIT
    yield Words(LEFT, 52, f"the weights of {MODEL}", 12, colour="soft")
    for number, (way, size) in enumerate(SIZES.items()):
        top = 78 + 58 * number
        end = LEFT + size / GIB * UNIT
        yield Words(LEFT, top, _name(way), bold=True)
        yield box(LEFT, top + 8, min(end, limit) - LEFT, 22, "weights")
        if end > limit:
            yield box(limit, top + 8, end - limit, 22, "no", "hatched", edge="no")
            yield Words(384, top, f"{in_gib(size)}: {COMMENTS[way]}", 12, "end")
        else:
            words = f"{in_gib(size)}: {COMMENTS[way]}"
            yield Words(limit + 8, top + 24, words, 12)
    yield line((limit, 86), (limit, 298), colour="ink", thick=2)
    yield Words(limit, 316, f"a T4 ends here: {in_gib(GPUS['T4'].memory)}", 12, "middle", bold=True)


def _name(way: str) -> str:
    return QUANTIZATIONS[way].label if way in QUANTIZATIONS else way


def _words() -> str:
    lines = [f"{_name(way)}: {in_gib(size)}, {COMMENTS[way]}" for way, size in SIZES.items()]
    return "\n".join(
        [f"The weights of {MODEL}, beside a T4 of {in_gib(GPUS['T4'].memory)}.", *lines]
    )
