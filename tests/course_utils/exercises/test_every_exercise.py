"""Every declared exercise: its right answers, its wrong ones, and answers of every bad kind."""

from __future__ import annotations

import json
from typing import Any

import pytest

import course_utils as cu
from course_utils.exercises import Exercise
from course_utils.exercises.checkers.function import TookTooLong, time_limit
from course_utils.text import shorten
from tests.course_utils.exercises.bad_answers import BAD
from tests.course_utils.exercises.demonstrations import ALL, DEMONSTRATIONS

EACH = pytest.mark.parametrize("exercise", ALL.values(), ids=list(ALL))


@EACH
def test_right_answers_are_right(exercise):
    for answer in exercise.right:
        report = cu.check_answer(exercise.id, exercise.checker.resolve(answer))
        assert report.is_right, report


@EACH
def test_declared_wrong_answers_get_feedback_for_that_mistake(exercise):
    for mistake in exercise.wrong:
        report = cu.check_answer(exercise.id, exercise.checker.resolve(mistake.example))
        assert report.outcome == "wrong"
        assert report.feedback
        if mistake.feedback:
            assert report.feedback == mistake.feedback


@EACH
def test_untouched_answers_are_not_attempted_and_write_nothing(exercise, progress_at):
    for answer in (cu.YOUR_ANSWER, None, ...):
        assert cu.check_answer(exercise.id, answer).outcome == "not attempted"
    assert cu.check_answer(exercise.id).outcome == "not attempted"
    assert not progress_at.parent.exists()


@EACH
def test_nothing_gives_the_expected_value_away_before_the_solution(exercise):
    tried = [exercise.checker.resolve(mistake.example) for mistake in exercise.wrong]
    texts = [str(cu.check_answer(exercise.id, answer)) for answer in (*tried, *BAD, 3, "8 GB")]
    texts += [str(cu.hint(exercise.id)) for _ in exercise.hints]
    texts.append(str(cu.check_answer(exercise.id)))
    for text in texts:
        told = "\n".join(text.splitlines()[1:]).replace(exercise.id, "")
        assert not exercise.checker.gives_away(told), text


@EACH
def test_the_solution_is_shown_and_noted(exercise):
    report = cu.solution(exercise.id)
    assert exercise.solution_text().strip().splitlines()[0] in str(report)
    assert cu.progress().exercises[exercise.id].solution_at


def test_gives_away_is_no_empty_promise():
    number, choice = DEMONSTRATIONS[0].checker, DEMONSTRATIONS[1].checker
    for text in ("28 GB", "it is 28,000,000,000", "26.1", "about 2.8e10 bytes", "28.0"):
        assert number.gives_away(text), text
    assert not number.gives_away("7 billion parameters of 32 bits")
    assert choice.gives_away("Take NF4.") and not choice.gives_away("Take the other.")


HANGS = 60.0  # seconds after which an answer is given up, to name it


def name_of(answer: Any) -> str:
    try:
        return f"{type(answer).__name__} {shorten(repr(answer)[:200], 60)}"
    except Exception:
        return type(answer).__name__


def fault(exercise: Exercise, answer: Any) -> str:
    """What goes wrong when this bad answer is checked; "" if all is well."""
    try:
        with time_limit(HANGS):
            report = cu.check_answer(exercise.id, answer)
            json.dumps(report.to_dict())
    except (Exception, TookTooLong) as error:
        return f"raised {type(error).__name__}"
    if report.outcome not in ("wrong", "crashed"):
        return f"is {report.outcome}"
    if not report.feedback:
        return "gets no feedback"
    return "gets a report without end" if len(str(report)) >= 1500 else ""


@EACH
def test_bad_answers_are_wrong_or_crashed_and_never_raise(exercise):
    found = {f"{index}: {name_of(bad)}": fault(exercise, bad) for index, bad in enumerate(BAD)}
    assert {name: words for name, words in found.items() if words} == {}, exercise.id
