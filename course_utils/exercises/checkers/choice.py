"""Answers in words: one of a few, however it is spelled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from course_utils.exercises.checkers.judgement import RIGHT, Checker, Judgement, type_words, wrong

LONGEST_CHOICE = 200


@dataclass(frozen=True)
class Choice(Checker):
    """One of ``options``, each with the other spellings that mean the same.

    Case, hyphens, quotes and a final stop do not matter. The question names the options::

        Choice({"nf4": ("normal float 4",), "int8": ("8-bit",)}, answer="nf4")
    """

    options: Mapping[str, tuple[str, ...]]
    answer: str = field(repr=False)

    def __post_init__(self) -> None:
        if self.answer not in self.options:
            raise ValueError(f"{self.answer!r} is none of the options {list(self.options)}")
        spellings = [
            spelling
            for name, others in self.options.items()
            for spelling in {_normal(text) for text in (name, *others)}
        ]
        if len(spellings) != len(set(spellings)):
            raise ValueError(f"Two options share a spelling: {sorted(spellings)}")

    def judge(self, answer: Any) -> Judgement:
        if not isinstance(answer, str):
            return wrong(f"The answer is a word in quotes; this is {type_words(answer)}.", "type")
        chosen = self._option(answer)
        if chosen == self.answer:
            return RIGHT
        if chosen is None:
            return wrong("That is none of the choices that the question names.", "no choice")
        return wrong("It is another of the choices.")

    def same(self, answer: Any, example: Any) -> bool:
        option = self._option(answer) if isinstance(answer, str) else None
        return option is not None and option == self._option(example)

    def gives_away(self, text: str) -> bool:
        words = f" {_normal(text, len(text))} "
        for spelling in (self.answer, *self.options[self.answer]):
            phrase = _normal(spelling)
            telling = len(phrase) > 3 or any(letter.isdigit() for letter in phrase)
            if telling and f" {phrase} " in words:
                return True
        return False

    def _option(self, answer: str) -> str | None:
        given = _normal(answer)
        for name, others in self.options.items():
            if given in {_normal(text) for text in (name, *others)}:
                return name
        return None


def _normal(text: str, longest: int = LONGEST_CHOICE) -> str:
    if len(text) > longest:
        return ""
    words = re.sub(r"[^\w+#.%/]+", " ", text.casefold().replace("_", " ")).split()
    return " ".join(word.strip(".") for word in words)
