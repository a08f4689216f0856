"""Text that several reports share: shortened, the nearest spelling, or what is not known."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import TypeVar

Value = TypeVar("Value")

UNKNOWN = "?"
LONGEST = 200  # characters of somebody else's words in one of our sentences


def shorten(text: str, longest: int = LONGEST) -> str:
    """Text on one line, without control characters, cut to ``longest`` characters with a "…"."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * longest])
    line = " ".join(shown.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def nearest(word: str, known: Iterable[str], most: int = 1, likeness: float = 0.6) -> list[str]:
    """The known words that are spelled most like this one, at most so many; [] if none is near."""
    return difflib.get_close_matches(word[:60], list(known), n=most, cutoff=likeness)


def did_you_mean(words: Iterable[str]) -> str:
    """ " Did you mean a or b?", to stand behind a sentence; "" for no words."""
    guesses = " or ".join(words)
    return f" Did you mean {guesses}?" if guesses else ""


def known(value: Value | None, in_words: Callable[[Value], str]) -> str:
    """The value in words, or "?" where it is None."""
    return UNKNOWN if value is None else in_words(value)


def in_tokens(context: int, batch: int = 1) -> str:
    """How much is asked of a model at once: "4,096 tokens × 8"."""
    return f"{context:,} tokens" + (f" × {batch:,}" if batch > 1 else "")
