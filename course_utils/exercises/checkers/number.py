"""Answers that are numbers: right within a tolerance, in any unit. Slips are told apart."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from course_utils.exercises.checkers.judgement import (
    RIGHT,
    Checker,
    Judgement,
    computed,
    type_words,
    wrong,
)

LONGEST_NUMBER = 80
LARGEST_INT_BITS = 1000

DECIMAL = ("bytes", "kB", "MB", "GB", "TB")
BINARY = ("bytes", "KiB", "MiB", "GiB", "TiB")
BITS = ("bits", "kbit", "Mbit", "Gbit", "Tbit")
BYTES = {
    **{name: 1024**power for power, name in enumerate(BINARY)},
    **{name: 1000**power for power, name in enumerate(DECIMAL)},
    **{name: 1000**power / 8 for power, name in enumerate(BITS)},
}
WORDS = ("", "kilo", "mega", "giga", "tera")
COUNTS = {"thousand": 10**3, "k": 10**3, "million": 10**6, "m": 10**6}
COUNTS |= {"billion": 10**9, "b": 10**9, "bn": 10**9, "trillion": 10**12, "t": 10**12}

# A bare number this small was meant in GB or the like; a larger one was meant in bytes.
SMALL = 100_000

NUMBER = re.compile(
    r"(?P<number>[+-]?(?=\.?\d)(?:\d{1,3}(?:[, ]\d{3})+|\d[\d_]*)?(?:\.\d*)?(?:e[+-]?\d{1,3})?)"
    r"\s*(?P<unit>[a-z]*)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Quantity:
    """``unit`` is the one written beside the number; None for a bare number."""

    number: int | float
    unit: str | None = None


class Unreadable(Exception):
    """The answer is no number; the words say why, and ``mistake`` names it."""

    def __init__(self, words: str, mistake: str) -> None:
        super().__init__(words)
        self.mistake = mistake


@dataclass(frozen=True)
class Number(Checker):
    """A number, or bytes in any unit.

    Args:
        value: the expected value in ``unit``, or a function that computes it.
        unit: what a bare number is read as: "bytes", or another of ``BYTES`` such as "GB". Any
            other unit of bytes or bits may be written: "28 GB", "26.1 GiB". None: a plain number,
            for which "7 billion" and "7B" may be written.
        tolerance: how far off is still right, as a share of the value. From about 0.035 on, GB and
            GiB cannot be told apart.
    """

    value: int | float | Callable[[], int | float] = field(repr=False)
    unit: str | None = None
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in BYTES:
            raise ValueError(f"Unknown unit {self.unit!r}; known: {', '.join(BYTES)}")
        if not 0 <= self.tolerance < 0.5:
            raise ValueError(f"A tolerance is a share from 0 to below 0.5, not {self.tolerance}")

    def judge(self, answer: Any) -> Judgement:
        expected = self.expected()
        try:
            quantity = read(answer, self.unit)
        except Unreadable as error:
            return wrong(str(error), error.mistake)
        given = _in_base_unit(quantity, self.unit)
        if near(given, expected, self.tolerance):
            return RIGHT
        if given < 0 <= expected:
            return wrong("It cannot be negative.", "negative")
        mistake = slip(quantity, given, expected, self.unit, self.tolerance)
        if mistake:
            return mistake
        return wrong("It is larger than that." if given < expected else "It is smaller than that.")

    def same(self, answer: Any, example: Any) -> bool:
        try:
            given, other = (
                _in_base_unit(read(text, self.unit), self.unit) for text in (answer, example)
            )
        except Unreadable:
            return False
        return near(given, other, self.tolerance)

    def gives_away(self, text: str) -> bool:
        expected = self.expected()
        scales = BYTES.values() if self.unit else {1, *COUNTS.values()}
        found = (
            float(token.replace(",", "").replace("_", ""))
            for token in re.findall(r"\d[\d,_]*(?:\.\d+)?(?:e[+-]?\d{1,3})?", text, re.IGNORECASE)
        )
        return any(
            near(number * scale, expected, self.tolerance) for number in found for scale in scales
        )

    def expected(self) -> int | float:
        """The expected value, in bytes or as a plain number."""
        value = computed(self.value) if callable(self.value) else self.value
        return value * BYTES[self.unit] if self.unit else value


def near(given: int | float, expected: int | float, tolerance: float) -> bool:
    if given == expected:
        return True
    return abs(given - expected) <= (tolerance * abs(expected) if expected else tolerance)


def read(answer: Any, unit: str | None) -> Quantity:
    """The number in an answer, and the unit written beside it.

    Raises:
        Unreadable: it is not a finite number, in words for the learner.
    """
    wanted = "a number, or text of a number and its unit" if unit else "a number"
    if isinstance(answer, str):
        quantity = _read_text(answer, unit, wanted)
    elif isinstance(answer, bool) or not isinstance(answer, (numbers.Real, Decimal)):
        raise Unreadable(f"The answer is {wanted}; this is {type_words(answer)}.", "type")
    else:
        quantity = Quantity(as_number(answer))
    if math.isnan(quantity.number):
        raise Unreadable("NaN is what a computation gives that has no result.", "NaN")
    if math.isinf(quantity.number):
        raise Unreadable("That is infinite, or far beyond anything that is counted here.", "inf")
    return quantity


def as_number(answer: numbers.Real | Decimal) -> int | float:
    """A plain int or float; infinite where it is larger than anything that is counted here."""
    try:
        if isinstance(answer, numbers.Integral):
            whole = int(answer)
            return whole if whole.bit_length() <= LARGEST_INT_BITS else math.inf
        return float(answer)
    except OverflowError:
        return math.inf


def _read_text(text: str, unit: str | None, wanted: str) -> Quantity:
    if len(text) > LONGEST_NUMBER:
        raise Unreadable(f"The answer is {wanted}; this is a long text.", "type")
    stripped = text.strip().lstrip("~≈").strip()
    if stripped.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return Quantity(float(stripped))
    match = NUMBER.fullmatch(stripped)
    if match is None:
        if re.fullmatch(r"\d+,\d+\s*\w*", stripped):
            raise Unreadable("Write a decimal point instead of the comma.", "comma")
        raise Unreadable(f"The answer is {wanted}, and this text is not.", "type")
    number = _parsed(re.sub(r"[, _]", "", match["number"]))
    if not match["unit"]:
        return Quantity(number)
    if unit is None:
        return Quantity(number * _count_words(match["unit"]))
    return Quantity(number, _unit_words(match["unit"]))


def _parsed(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)


def _count_words(word: str) -> int:
    if word.lower() in COUNTS:
        return COUNTS[word.lower()]
    raise Unreadable("A plain number is asked for, without a unit.", "unit")


def _unit_words(word: str) -> str:
    """In "Gb" the b is for bits, in "GB" for bytes. In small letters people mean bytes."""
    if re.fullmatch(r"[kKMGT]b", word) and word != word.lower():
        return BITS["kMGT".index(word[0].replace("K", "k")) + 1]
    lower = word.lower()
    if lower in ("b", "byte", "bytes"):
        return "bytes"
    for power, prefix in enumerate(WORDS):
        spelled = {
            DECIMAL: (DECIMAL[power].lower(), f"{prefix}byte", f"{prefix}bytes"),
            BINARY: (BINARY[power].lower(), f"{prefix[:2]}bibyte", f"{prefix[:2]}bibytes"),
            BITS: (BITS[power].lower(), BITS[power].lower() + "s", f"{prefix}bit", f"{prefix}bits"),
        }
        for family, spellings in spelled.items():
            if lower in spellings:
                return family[power]
    known = ", ".join((*DECIMAL, *BINARY[1:]))
    raise Unreadable(f"That unit is not known here. Known are {known}.", "unit")


def _in_base_unit(quantity: Quantity, unit: str | None) -> int | float:
    if unit is None:
        return quantity.number
    size: int | float = BYTES[quantity.unit or unit]
    return quantity.number * size


def slip(
    quantity: Quantity,
    given: int | float,
    expected: int | float,
    unit: str | None,
    tolerance: float,
) -> Judgement | None:
    """The slip of unit or scale that turns ``expected`` into ``given``: the nearest, or None."""
    if not expected or not given or (given < 0) != (expected < 0):
        return None
    slips = _slips_of_bytes(quantity, unit) if unit else _slips_of_counts()
    distance, found = min(
        ((abs(math.log(given / expected / factor)), judgement) for factor, judgement in slips),
        key=lambda pair: pair[0],
    )
    return found if distance <= max(math.log1p(tolerance), 1e-9) else None


def _slips_of_counts() -> Iterator[tuple[float, Judgement]]:
    yield 100.0, wrong("That is a percentage; a share of one is asked for.", "percent")
    yield 0.01, wrong("That is a share of one; a percentage is asked for.", "percent")
    yield from _slips_of_scale()


def _slips_of_scale() -> Iterator[tuple[float, Judgement]]:
    for base, name in ((1000, "a thousand"), (1024, "two to the tenth")):
        for power in (1, 2, 3, 4):
            factor = name if power == 1 else f"{name}, and that more than once"
            mistake = f"off by {base}"
            yield float(base**power), wrong(f"Too large by a factor of {factor}.", mistake)
            yield float(base**-power), wrong(f"Too small by a factor of {factor}.", mistake)


def _slips_of_bytes(quantity: Quantity, unit: str) -> Iterator[tuple[float, Judgement]]:
    """Messages hold no digits, so that none can give an expected value away."""
    in_bits = quantity.unit in BITS
    yield (
        1 / 8,
        wrong(
            "A small b stands for bits. For bytes write a large one."
            if in_bits
            else "Too small by the number of bits in a byte: divided by it once too often?",
            "bits",
        ),
    )
    yield 8.0, wrong("Those are bits. The question asks for bytes.", "bits")
    read_as = quantity.unit or unit
    if quantity.unit is None and abs(quantity.number) < SMALL:
        for other in (*DECIMAL, *BINARY[1:]):
            if other != read_as:
                words = (
                    f"A number without a unit is read as {unit} here. "
                    f"Yours would fit as {other}: write the unit beside it."
                )
                yield BYTES[read_as] / BYTES[other], wrong(words, "no unit")
    for power in (1, 2, 3, 4):
        step = (1024 / 1000) ** power
        small, large = DECIMAL[power], BINARY[power]
        if read_as in (small, large):
            other = large if read_as == small else small
            words = f"Those are the digits for {other}, but they are read as {read_as}."
            yield BYTES[read_as] / BYTES[other], wrong(words, "GB and GiB")
        elif read_as == "bytes":
            words = f"by just the step between {small} and {large}."
            yield step, wrong(f"Too large {words}", "GB and GiB")
            yield 1 / step, wrong(f"Too small {words}", "GB and GiB")
    yield from _slips_of_scale()
