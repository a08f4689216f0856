"""What a checker says about an answer, and what every checker can do."""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from course_utils.errors import CourseError
from course_utils.text import shorten

# From worst to best; merging progress keeps the best.
OUTCOMES = ("not attempted", "crashed", "wrong", "right")
LONGEST_MESSAGE = 300
EXERCISE_ID = re.compile(r"\d\d\.[1-9]\d?", re.ASCII)

PLAIN_WORDS = {
    "AttributeError": "The object has no such attribute: look at its spelling and its type.",
    "IndexError": "An index points past the end.",
    "KeyError": "A dict was asked for a key that it does not have.",
    "ModuleNotFoundError": "An import names a module that is not installed here.",
    "NameError": "A name is used that does not exist: a typing slip, or a cell not yet run.",
    "RecursionError": "A function calls itself without end.",
    "TypeError": "A value has another type than the operation wants.",
    "UnboundLocalError": "A variable is read before it was given a value.",
    "ValueError": "The type fits, the value does not.",
    "ZeroDivisionError": "Something is divided by zero.",
}


class _YourAnswer:
    """Stands in an exercise until the learner puts an answer there."""

    def __repr__(self) -> str:
        return "cu.YOUR_ANSWER"

    def __reduce__(self) -> str:
        return "YOUR_ANSWER"  # copies and pickles are the same object


YOUR_ANSWER = _YourAnswer()


def untouched(answer: Any) -> bool:
    return answer is None or answer is ... or answer is YOUR_ANSWER


@dataclass(frozen=True)
class Judgement:
    """``outcome`` is one of ``OUTCOMES``. ``mistake`` names a mistake that was recognized."""

    outcome: str
    feedback: str = ""
    mistake: str | None = None


RIGHT = Judgement("right")
NOT_ATTEMPTED = Judgement("not attempted")


def wrong(feedback: str, mistake: str | None = None) -> Judgement:
    return Judgement("wrong", feedback, mistake)


class Checker:
    """Judges the answers of one exercise. No feedback may give the expected value away."""

    def judge(self, answer: Any) -> Judgement:
        raise NotImplementedError

    def same(self, answer: Any, example: Any) -> bool:
        """Whether ``answer`` makes the mistake of which ``example`` is declared as an example."""
        raise NotImplementedError

    def gives_away(self, text: str) -> bool:
        """Whether ``text`` names the expected value. Tests ask this of hints and feedback."""
        raise NotImplementedError

    def resolve(self, example: Any) -> Any:
        """A declared example; one that must be computed is declared as a function."""
        return computed(example) if callable(example) else example


def computed(function: Callable[[], Any]) -> Any:
    """Call a function of the course's own: what it raises is not the learner's mistake."""
    try:
        return function()
    except CourseError:
        raise
    except Exception as error:
        raise CourseError(
            "This exercise's answer could not be worked out here, so yours was not judged. "
            f"That is no mistake of yours. {in_words(error)}"
        ) from error


def crashed(error: BaseException, code: CodeType | None = None, during: str = "") -> Judgement:
    """The learner's own error, explained: type, message and, if ``code`` raised it, the line."""
    parts = [f"{during or 'While your answer was read'}: {in_words(error)}"]
    where = _line_within(error, code) if code else ""
    if where:
        parts.append(where)
    for kind in type(error).__mro__:
        if kind.__name__ in PLAIN_WORDS:
            parts.append(PLAIN_WORDS[kind.__name__])
            break
    return Judgement("crashed", " ".join(parts))


def in_words(error: BaseException) -> str:
    name = type(error).__name__[:80]
    try:
        message = shorten(str(error), LONGEST_MESSAGE)
    except Exception:
        return f"{name}, whose message cannot be shown."
    if not message:
        return f"{name}."
    return f"{name}: {message}{'' if message.endswith(('.', '!', '?', '…')) else '.'}"


def type_words(answer: Any) -> str:
    return f"something of type {type(answer).__name__[:80]}"


def _line_within(error: BaseException, code: CodeType) -> str:
    """The last line of the learner's cell or file that ran, counted from its function's first."""
    steps = [
        (frame.f_code, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename == code.co_filename and line
    ]
    if not steps:
        return ""
    last, line = steps[-1]
    source = shorten(linecache.getline(last.co_filename, line), LONGEST_MESSAGE)
    place = f"It happened in line {line - last.co_firstlineno + 1} of {last.co_name}"
    return place + (f": `{source}`." if source else ".")
