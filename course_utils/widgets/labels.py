"""Where the names of a bar's parts stand: in a part that is wide enough, else below, on a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

NARROW, WIDE = 250, 560  # pixels of a bar: in a notebook on a phone, and at a desk
CHARACTER, GAP = 7.0, 8.0  # pixels that a letter takes, and that part two texts


class Named(Protocol):
    """What is labelled: by its short name, or where even that has no room by its letter."""

    @property
    def short(self) -> str: ...
    @property
    def letter(self) -> str: ...


@dataclass(frozen=True)
class Label:
    """``at`` is the middle of the text, ``part_at`` that of its part, in shares of the width."""

    text: str
    at: float
    part_at: float
    is_inside: bool


def labels(placed: Iterable[tuple[Named, float, float]], width: float = WIDE) -> Iterator[Label]:
    """Parts with their begin and width, from left to right, as labels that nowhere overlap.

    ``width`` is the least that the bar has, in pixels.
    """
    thin: list[tuple[Named, float]] = []
    for part, begin, share in placed:
        middle = begin + share / 2
        if share * width >= room_for(part.short):
            yield Label(part.short, middle, middle, is_inside=True)
        elif share:
            thin.append((part, middle))
    names = [part.short for part, _ in thin]
    if sum(map(room_for, names)) > width:
        names = [part.letter for part, _ in thin]
    middles = [middle for _, middle in thin]
    halves = [room_for(name) / 2 / width for name in names]
    for name, middle, at in zip(names, middles, spread(halves, middles), strict=True):
        yield Label(name, at, middle, is_inside=False)


def room_for(text: str) -> float:
    return len(text) * CHARACTER + GAP


def spread(halves: Sequence[float], middles: Sequence[float]) -> list[float]:
    """The middles, moved apart as far as the texts' halves need, and none beyond an end."""
    places: list[float] = []
    for number, middle in enumerate(middles):
        least = places[-1] + halves[number - 1] if number else 0.0
        places.append(max(middle, least + halves[number]))
    most = 1.0
    for number in reversed(range(len(places))):
        places[number] = min(places[number], most - halves[number])
        most = places[number] - halves[number]
    return places
