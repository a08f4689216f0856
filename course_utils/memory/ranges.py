"""Bytes that are not known exactly: the least, what is expected, the most."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Bytes, and what they rest on."""

    low: int
    expected: int
    high: int
    basis: str


NOTHING = Range(0, 0, 0, "")


def total(*parts: Range, basis: str) -> Range:
    """What is known to the byte is a range without width."""
    return Range(
        low=sum(one.low for one in parts),
        expected=sum(one.expected for one in parts),
        high=sum(one.high for one in parts),
        basis=basis,
    )
