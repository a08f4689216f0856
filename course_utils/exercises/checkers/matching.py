"""Answers that give each of several things its name: a dict."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.judgement import (
    RIGHT,
    Checker,
    Judgement,
    type_words,
    untouched,
    wrong,
)


@dataclass(frozen=True)
class Matching(Checker):
    """A dict with one of ``options`` for each key; the options have other spellings, as in Choice::

        Matching({"GB": (), "GiB": ()}, answer={"disk": "GB", "torch": "GiB"})

    A ``WrongAnswer`` may hold only some of the keys. An answer makes that mistake if it gives these
    keys the same options.
    """

    options: Mapping[str, tuple[str, ...]]
    answer: Mapping[str, str] = field(repr=False)

    def judge(self, answer: Any) -> Judgement:
        if not isinstance(answer, Mapping):
            return wrong(f"The answer is a dict; this is {type_words(answer)}.", "type")
        missing = [key for key in self.answer if key not in answer or untouched(answer[key])]
        if missing:
            return wrong(f"Nothing is said of {_listed(missing)} yet.", "incomplete")
        unknown = [key for key in self.answer if self._option(answer[key]) is None]
        if unknown:
            words = f"What is said of {_listed(unknown)} is none of the choices."
            return wrong(words, "no choice")
        off = [key for key, right in self.answer.items() if self._option(answer[key]) != right]
        if not off:
            return RIGHT
        rest = "The others are." if len(off) < len(self.answer) else "None of them is."
        return wrong(f"Not right yet: {_listed(off)}. {rest}")

    def same(self, answer: Any, example: Any) -> bool:
        if not isinstance(answer, Mapping) or not all(key in answer for key in example):
            return False
        given = {key: self._option(answer[key]) for key in example}
        return None not in given.values() and given == {
            key: self._option(example[key]) for key in example
        }

    def gives_away(self, text: str) -> bool:
        return any(
            re.search(rf"\b{re.escape(key)}\b\W{{1,4}}{re.escape(right)}\b", text, re.IGNORECASE)
            for key, right in self.answer.items()
        )

    def _option(self, text: Any) -> str | None:
        for name in self.options:
            if Choice(self.options, answer=name).judge(text) == RIGHT:
                return name
        return None


def _listed(keys: list[str]) -> str:
    return ", ".join(str(key)[:40] for key in keys)
