"""Small functions as answers: crashes explained, loops ended, stubs recognized."""

from __future__ import annotations

import contextlib
import sys

import pytest

import course_utils as cu
from course_utils.exercises import Case, FunctionChecker
from tests.course_utils.exercises.bad_answers import Spiteful
from tests.course_utils.exercises.demonstrations import half, judged


def test_a_crash_is_explained_with_its_line():
    def half(count):
        parts = 0
        return count / parts

    report = cu.check_answer("90.4", half)
    assert report.outcome == "crashed"
    for words in ("half(9)", "ZeroDivisionError: division by zero", "line 3 of half"):
        assert words in report.feedback
    assert "return count / parts" in report.feedback
    assert "divided by zero" in report.feedback


def test_a_crash_in_a_helper_names_the_helpers_line():
    def share(total):
        return 1 / (total - total)

    feedback = cu.check_answer("90.4", lambda count: share(count)).feedback
    assert "line 2 of share: `return 1 / (total - total)`" in feedback


def _loops(count):
    while True:
        with contextlib.suppress(Exception):
            count += 1


def _prints(count):
    count // 2


def _stub(count):
    """Halve."""
    ...


def _marked(count):
    return cu.YOUR_ANSWER


def _to_do(count):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "outcome", "words"),
    [
        (_stub, "not attempted", ""),
        (_marked, "not attempted", ""),
        (_to_do, "not attempted", ""),
        (_prints, "wrong", "`return` missing"),
        (_loops, "crashed", "does a loop never end"),
        (lambda count: sys.exit(1), "crashed", "SystemExit"),
        (lambda count: missing, "crashed", "not yet run"),  # noqa: F821
        (lambda a, b: a, "wrong", "take one argument"),
        (lambda count: str(count // 2), "wrong", "type str"),
        (lambda count: 61 if count == 122 else 7, "wrong", "an odd number. Other cases come out"),
        (lambda count: 10**5000, "wrong", "does not return what it should"),
        (lambda count: count // 2 * 1000, "wrong", "Too large by a factor of a thousand"),
        (lambda count: Spiteful(), "wrong", "type Spiteful"),
        (lambda count: _loops.recurse(), "crashed", "AttributeError"),
        (lambda count: half(count), "right", ""),
    ],
)
def test_functions(function, outcome, words):
    report = cu.check_answer("90.4", function)
    assert report.outcome == outcome, report
    assert words in report.feedback


def test_a_function_cannot_spoil_the_cases():
    checker = FunctionChecker((Case(([3, 1],), [1, 3]),))

    def spoils(values):
        values.sort()
        values.append(9)
        return values[:-1]

    assert judged(checker, spoils).outcome == "right"
    assert judged(checker, spoils).outcome == "right"


def test_functions_of_bytes_know_the_slips():
    checker = FunctionChecker((Case((7e9, 4), 28e9), Case((3, 2), 6)), unit="bytes")
    judgement = judged(checker, lambda parameters, size: parameters * size * 8)
    assert judgement.mistake == "bits"
