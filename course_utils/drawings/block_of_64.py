"""Why 4-bit weights come in blocks: 64 of them share one scale."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist

from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Shape, Words, box, line, paragraph
from course_utils.drawings.sixteen_marks import NF4
from course_utils.memory.quantization import BLOCK

# Weights as a layer might have them: spread like a bell curve, in no order, the largest 0.048.
ORDER = [(27 * place + 8) % BLOCK for place in range(BLOCK)]
SPREAD = [NormalDist().inv_cdf((rank + 0.3) / BLOCK) for rank in ORDER]
SCALE = 0.048
WEIGHTS = [SCALE * value / max(map(abs, SPREAD)) for value in SPREAD]
LARGEST = max(range(BLOCK), key=lambda place: abs(WEIGHTS[place]))

PACKED = BLOCK // 2  # bytes: two weights share one
SCALE_BYTES = 4  # a float32
BEFORE = 2 * BLOCK  # bytes in 16 bits

LEFT, STEP, ZERO, HALF = 66.0, 4.2, 128.0, 58.0


def block_of_64() -> Drawing:
    return Drawing("block_of_64", "64 weights share one scale", _words(), 404, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    right = LEFT + BLOCK * STEP
    yield Words(16, 54, "as they are", 12, bold=True)
    yield Words(384, 54, "divided by 0.048", 12, "end", bold=True)
    for share in (1, 0, -1):
        level = ZERO - share * HALF
        yield line((LEFT - 4, level), (right + 4, level), dashed=bool(share))
        yield Words(LEFT - 8, level + 4, f"{SCALE * share:g}", 12, "end", mono=True)
        yield Words(right + 28, level + 4, f"{share}", 12, "end", mono=True)
    for mark in NF4:
        yield line((right + 4, ZERO - mark * HALF), (right + 10, ZERO - mark * HALF), colour="ink")
    for place, weight in enumerate(WEIGHTS):
        height = HALF * weight / SCALE
        colour = "cache" if place == LARGEST else "weights"
        top = ZERO - max(height, 0)
        yield box(LEFT + place * STEP, top, STEP - 1.4, max(abs(height), 0.8), colour)
    at = LEFT + LARGEST * STEP
    yield Words(at, ZERO + HALF + 16, "the largest", 12, "middle", colour="soft")
    yield from paragraph(
        16,
        230,
        "The largest of the 64 becomes 1 or -1. Then every\n"
        "weight is rounded to one of the 16 marks on the right.",
        12,
    )
    yield from _bytes(280)


def _bytes(top: float) -> Iterator[Shape]:
    """What is stored, before and after, a byte as wide everywhere."""
    wide = 368 / BEFORE
    yield Words(16, top, f"in 16 bits: 64 × 2 bytes = {BEFORE} bytes", bold=True)
    yield box(16, top + 8, BEFORE * wide, 22, "weights", "washed", edge="weights")
    after = PACKED + SCALE_BYTES
    base = top + 58
    yield Words(16, base, f"in nf4: {PACKED} + {SCALE_BYTES} = {after} bytes", bold=True)
    yield box(16, base + 8, PACKED * wide, 22, "weights", "washed", edge="weights")
    yield box(16 + PACKED * wide, base + 8, SCALE_BYTES * wide, 22, "cache", edge="cache")
    at = 16 + after * wide
    yield Words(at + 10, base + 24, "the scale, 0.048, in float32", 12)
    yield Words(16, base + 52, "64 marks, four bits each", 12)
    bits = 8 * after / BLOCK
    yield Words(384, base + 52, f"{bits:g} bits a weight", 12, "end", bold=True)


def _words() -> str:
    after = PACKED + SCALE_BYTES
    return (
        f"64 weights as bars between -{SCALE} and {SCALE}. All are divided by the size of the "
        f"largest, {SCALE}, so that they reach from -1 to 1; that divisor is called their scale. "
        "Then each is rounded to one of the sixteen marks of nf4.\n"
        f"In 16 bits the block takes 64 × 2 = {BEFORE} bytes. In nf4 it takes {PACKED} bytes for "
        f"64 marks of four bits, and {SCALE_BYTES} for the scale in float32: {after} bytes, or "
        f"{8 * after / BLOCK:g} bits a weight."
    )
