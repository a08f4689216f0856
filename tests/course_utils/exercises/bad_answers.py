"""Answers of every wrong kind, some of which refuse whatever is done to them."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy


class Spiteful:
    def _refuse(self, *_):
        raise RuntimeError("I refuse")

    __eq__ = __hash__ = __float__ = __str__ = __repr__ = __bool__ = __len__ = _refuse
    __getattr__ = _refuse


class SpitefulInt(int):
    def __int__(self):
        raise RuntimeError("no")

    __float__ = __abs__ = __eq__ = __sub__ = __mul__ = bit_length = __int__
    __hash__ = int.__hash__


class SpitefulText(str):
    def strip(self, *_):
        raise RuntimeError("no")

    casefold = replace = __len__ = __eq__ = strip
    __hash__ = str.__hash__


def _raises(*_):
    raise Spiteful


BAD = [
    True, 1j, math.nan, math.inf, -math.inf, "nan", "-inf", "", "   ", "e5", ".", "--3", "1e999",
    10**5000, -(10**5000), Decimal("NaN"), Decimal("1e999999"), Fraction(10**400), "9" * 79,
    b"28 GB", [], {}, (28, "GB"), {"a": 1}, object(), Spiteful(), Spiteful, SpitefulInt(3),
    SpitefulText("practice/tiny"), ValueError("x"), "x" * 10_000_000, "1" * 10_000_000,
    "\ud800", "\0", "../../etc", "https://huggingface.co/a/b", print, len, _raises, lambda: 0,
    "\U0001f4a5", numpy.zeros(3), numpy.float64("nan"), numpy.bool_(True), "26,08 GiB",
    "28 furlongs", "28 Gb",
]  # fmt: skip
