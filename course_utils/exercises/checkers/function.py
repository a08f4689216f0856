"""Answers that are small functions: called on a few cases, and their crashes explained."""

from __future__ import annotations

import copy
import dis
import inspect
import math
import numbers
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from course_utils.exercises.checkers.judgement import (
    LONGEST_MESSAGE,
    NOT_ATTEMPTED,
    RIGHT,
    Checker,
    Judgement,
    crashed,
    type_words,
    untouched,
    wrong,
)
from course_utils.exercises.checkers.number import SMALL, Quantity, as_number, near, slip
from course_utils.text import shorten

SECONDS = 10.0
EMPTY_BODY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


@dataclass(frozen=True)
class Case:
    """What to call the function with, and what it should return.

    ``about`` says what is particular to this case, for the learner whose function fails it.
    """

    arguments: tuple[Any, ...]
    returns: Any = field(repr=False)
    about: str = ""


@dataclass(frozen=True)
class FunctionChecker(Checker):
    """A function that returns the right value on every case. Each call gets ``seconds``.

    ``unit`` (see ``Number``) says that it returns bytes, so that slips of unit are recognized.
    The ``example`` of a ``WrongAnswer`` is a function here. An answer that returns the same as that
    function on every case gets its feedback.
    """

    cases: tuple[Case, ...]
    tolerance: float = 1e-6
    unit: str | None = None
    seconds: float = SECONDS

    def resolve(self, example: Any) -> Any:
        return example

    def judge(self, answer: Any) -> Judgement:
        if not callable(answer):
            words = "The answer is a function, by its name and without calling it; this is "
            return wrong(words + type_words(answer) + ".", "type")
        failed: list[tuple[Case, Any]] = []
        returned_nothing = 0
        for case in self.cases:
            if not _accepts(answer, case):
                count = len(case.arguments)
                words = f"It should take {'one argument' if count == 1 else f'{count} arguments'}."
                return wrong(words, "arguments")
            try:
                returned = self._call(answer, case)
            except NotImplementedError:
                return NOT_ATTEMPTED
            except (Exception, SystemExit, TookTooLong) as error:
                code = getattr(answer, "__code__", None)
                return crashed(error, code, during=f"When {_call_words(answer, case)} was called")
            returned_nothing += untouched(returned)
            if not self._equal(returned, case.returns):
                failed.append((case, returned))
        if not failed:
            return RIGHT
        if returned_nothing == len(self.cases) and _is_stub(answer, failed[0][1]):
            return NOT_ATTEMPTED
        return self._feedback(answer, failed)

    def same(self, answer: Any, example: Any) -> bool:
        try:
            return all(
                self._equal(self._call(answer, case), self._call(example, case))
                for case in self.cases
            )
        except (Exception, SystemExit, TookTooLong):
            return False

    def gives_away(self, text: str) -> bool:
        """Whether ``text`` names a returned value that is not also among the arguments."""
        words = text.replace(",", "")
        shown = {repr(argument) for case in self.cases for argument in case.arguments}
        expected = {repr(case.returns) for case in self.cases} - shown
        return any(len(value) > 1 and value in words for value in expected - {"True", "False"})

    def _call(self, function: Callable[..., Any], case: Case) -> Any:
        with time_limit(self.seconds):
            return function(*copy.deepcopy(case.arguments))

    def _feedback(self, answer: Any, failed: list[tuple[Case, Any]]) -> Judgement:
        case, returned = failed[0]
        call = _call_words(answer, case)
        if returned is None:
            return wrong(f"{call} returns None. Is a `return` missing?", "no return")
        if not _same_kind(returned, case.returns):
            return wrong(f"{call} returns {type_words(returned)}, which does not fit.", "type")
        slips = [self._slip(returned, case.returns) for case, returned in failed]
        if slips[0] and {one.mistake for one in slips if one} == {slips[0].mistake}:
            return Judgement("wrong", f"{call}: {slips[0].feedback}", slips[0].mistake)
        some = "" if len(failed) == len(self.cases) else " Other cases come out right."
        about = f" This case: {case.about}." if case.about else ""
        return wrong(f"{call} does not return what it should.{about}{some}")

    def _slip(self, returned: Any, expected: Any) -> Judgement | None:
        if not _is_number(expected):
            return None
        given = as_number(returned)
        if not math.isfinite(given):
            return None
        # What a function returns has no unit that could be missing: not "small", whatever it is.
        return slip(Quantity(max(SMALL, given)), given, expected, self.unit, self.tolerance)

    def _equal(self, returned: Any, expected: Any) -> bool:
        if not _same_kind(returned, expected):
            return False
        if _is_number(expected):
            return near(as_number(returned), expected, self.tolerance)
        return bool(returned == expected)


def _same_kind(returned: Any, expected: Any) -> bool:
    if _is_truth(expected) or _is_number(expected):
        return _is_truth(returned) == _is_truth(expected) and (
            _is_number(returned) == _is_number(expected)
        )
    return isinstance(returned, type(expected))


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not _is_truth(value)


def _accepts(function: Callable[..., Any], case: Case) -> bool:
    try:
        inspect.signature(function).bind(*case.arguments)
    except TypeError:
        return False
    except ValueError:  # some builtins have no signature to look at
        return True
    return True


def _is_stub(function: Any, returned: Any) -> bool:
    """Whether it returns ``cu.YOUR_ANSWER`` or is empty. Without a ``return`` it is no stub yet."""
    if returned is not None:
        return True
    code = getattr(function, "__code__", None)
    return code is not None and {step.opname for step in dis.get_instructions(code)} <= EMPTY_BODY


def _call_words(function: Any, case: Case) -> str:
    name = getattr(function, "__name__", "your function")
    name = "your function" if name == "<lambda>" else str(name)[:80]
    return shorten(
        f"{name}({', '.join(repr(argument) for argument in case.arguments)})", LONGEST_MESSAGE
    )


class TookTooLong(BaseException):
    """No ``Exception``: an ``except Exception`` in the learner's function must not catch it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop what does not end by itself. There is no limit on Windows and in threads."""
    on_main = threading.current_thread() is threading.main_thread()
    if not on_main or not hasattr(signal, "setitimer"):
        yield
        return

    def end(*_: object) -> None:
        raise TookTooLong(f"stopped after {seconds:g} s; does a loop never end?")

    earlier_handler = signal.signal(signal.SIGALRM, end)
    earlier, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier_handler)
        signal.setitimer(signal.ITIMER_REAL, earlier, interval)
