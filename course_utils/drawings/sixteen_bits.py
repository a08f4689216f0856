"""float16 and bfloat16: how each spends its 16 bits, and what that means for steps and range."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Line, Shape, Words, box, line, paragraph

EXAMPLE = 0.1
SPAN = 2.0**-4  # above 1, where the numbers that each has are drawn
LEFT, RIGHT = 16.0, 384.0
BIT, PITCH = 20.0, 23.2
KINDS = {"sign": "others", "range": "weights", "steps": "activations"}
DECADES = (-45, 40)  # the ends of the line of powers of ten


@dataclass(frozen=True)
class Format:
    """A 16-bit float: one bit of sign, then so many of exponent, then so many of fraction."""

    name: str
    exponent: int
    fraction: int

    @property
    def bias(self) -> int:
        return int(2 ** (self.exponent - 1)) - 1

    @property
    def largest(self) -> float:
        return (2 - 2.0**-self.fraction) * 2.0**self.bias

    @property
    def full_from(self) -> float:
        """From here up no digit is lost."""
        return 2.0 ** (1 - self.bias)

    @property
    def smallest(self) -> float:
        """Above zero; half of it becomes zero."""
        return 2.0 ** (1 - self.bias - self.fraction)

    def bits(self, value: float) -> str:
        """The 16 bits of the nearest number that the format has, ties aside."""
        whole = struct.unpack("<I", struct.pack("<f", value))[0]
        if self.exponent == 8:  # the upper half of a float32, rounded
            return f"{(whole + 0x8000) >> 16:016b}"
        return f"{struct.unpack('<H', struct.pack('<e', value))[0]:016b}"

    def stored(self, value: float) -> float:
        bits = self.bits(value)
        power = int(bits[1 : 1 + self.exponent], 2) - self.bias
        fraction = 1 + int(bits[1 + self.exponent :], 2) / 2**self.fraction
        return float((-1) ** int(bits[0]) * fraction * 2.0**power)


FLOAT16, BFLOAT16 = Format("float16", 5, 10), Format("bfloat16", 8, 7)
FORMATS = (FLOAT16, BFLOAT16)


def sixteen_bits() -> Drawing:
    return Drawing("sixteen_bits", "Two ways to spend 16 bits", _words(), 496, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    for top, one in zip((60, 150), FORMATS, strict=True):
        yield from _bits(one, top)
    yield from _fineness(254)
    yield from _range(368)


def _bits(one: Format, top: float) -> Iterator[Shape]:
    yield Words(LEFT, top, one.name, bold=True)
    yield Words(RIGHT, top, f"{EXAMPLE} is stored as {one.stored(EXAMPLE):.6f}", 12, "end")
    bits, place = one.bits(EXAMPLE), 0
    for kind, count in (("sign", 1), ("range", one.exponent), ("steps", one.fraction)):
        left = LEFT + place * PITCH
        for number, bit in enumerate(bits[place : place + count]):
            at = left + number * PITCH
            yield box(at, top + 9, BIT, BIT + 2, KINDS[kind], "washed", edge=KINDS[kind])
            yield Words(at + BIT / 2, top + 25, bit, 13, "middle", mono=True)
        right = left + count * PITCH - (PITCH - BIT)
        yield line((left, top + 36), (right, top + 36), colour=KINDS[kind], thick=3)
        words = {"sign": "±", "range": f"range: {count} bits", "steps": f"fineness: {count} bits"}
        yield Words((left + right) / 2, top + 52, words[kind], 12, "middle")
        place += count


def _fineness(top: float) -> Iterator[Shape]:
    """The numbers that each has between 1 and a bit more, as ticks."""
    yield Words(LEFT, top, "Fineness: the numbers just above 1", bold=True)
    for number, one in enumerate(FORMATS):
        base = top + 34 + 30 * number
        yield Words(LEFT, base, one.name, 12)
        yield line((90, base - 1), (RIGHT, base - 1))
        steps = round(SPAN * 2**one.fraction)
        for step in range(steps + 1):
            at = 90 + (RIGHT - 90) * step / steps
            yield line((at, base - 12), (at, base - 1), colour="activations", thick=1.6)
    yield Words(90, top + 82, "1", 12, "middle", colour="soft")
    yield Words(RIGHT, top + 82, f"{1 + SPAN}", 12, "end", colour="soft")


def _range(top: float) -> Iterator[Shape]:
    """How far each reaches, by powers of ten. Washed: digits go missing."""
    yield Words(LEFT, top, "Range: powers of ten", bold=True)
    for number, one in enumerate(FORMATS):
        base = top + 12 + 26 * number
        yield Words(LEFT, base + 13, one.name, 12)
        least, full, most = (_at(x) for x in (one.smallest, one.full_from, one.largest))
        yield box(least, base, full - least, 18, "weights", "washed", edge="weights")
        yield box(full, base, most - full, 18, "weights", edge="weights")
    axis = top + 70
    yield Line(((90, axis), (RIGHT, axis)))
    for power, text in ((-40, "10⁻⁴⁰"), (-20, "10⁻²⁰"), (0, "1"), (20, "10²⁰"), (38, "10³⁸")):
        at = _at(10.0**power)
        yield line((at, axis), (at, axis + 4))
        yield Words(at, axis + 18, text, 12, "middle", colour="soft")
    words = f"pale: digits get lost. Beyond {FLOAT16.largest:,.0f}, float16 says inf."
    yield from paragraph(LEFT, top + 112, words, size=12)


def _at(value: float) -> float:
    first, last = DECADES
    return 90 + (RIGHT - 90) * (math.log10(value) - first) / (last - first)


def _words() -> str:
    lines = [
        f"{one.name}: 1 bit of sign, {one.exponent} bits for the range, {one.fraction} bits for "
        f"fineness. {EXAMPLE} is {one.bits(EXAMPLE)}, which is {one.stored(EXAMPLE):.6f}. From 1 "
        f"to {1 + SPAN} it has {SPAN * 2**one.fraction:.0f} steps. It reaches from "
        f"{one.smallest:.1e} (digits get lost below {one.full_from:.1e}) to {one.largest:.4e}."
        for one in FORMATS
    ]
    return "\n".join([*lines, "float16 is finer. bfloat16 reaches as far as float32."])
