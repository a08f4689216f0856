"""What learners call: outcomes, hints in stages, progress, a copy to take along."""

from __future__ import annotations

import copy
import json
import pickle
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import course_utils as cu
from course_utils.exercises import Exercise, Number
from course_utils.exercises.checkers.judgement import OUTCOMES
from tests.course_utils.exercises.bad_answers import Spiteful
from tests.course_utils.exercises.demonstrations import ALL, DEMONSTRATIONS


@given(st.one_of(st.text(), st.floats(), st.integers(), st.binary(), st.lists(st.integers())))
@example("1_000 GB")
def test_any_answer_gets_an_outcome(answer):
    for exercise in (DEMONSTRATIONS[0], DEMONSTRATIONS[1], DEMONSTRATIONS[3], DEMONSTRATIONS[4]):
        assert exercise.judge(answer).outcome in OUTCOMES


def test_the_sentinel_survives_copies():
    assert copy.deepcopy(cu.YOUR_ANSWER) is cu.YOUR_ANSWER
    assert pickle.loads(pickle.dumps(cu.YOUR_ANSWER)) is cu.YOUR_ANSWER


@pytest.mark.parametrize("wanted", ["90.9", "9.1", "", "x" * 10_000_000, 90.1, None])
def test_unknown_exercises_name_the_nearest(wanted):
    for ask in (cu.check_answer, cu.hint, cu.solution):
        with pytest.raises(cu.CourseError, match="Spiteful"):
            ask(Spiteful())
        with pytest.raises(cu.CourseError) as error:
            ask(wanted)
        assert len(str(error.value)) < 200
        if isinstance(wanted, str):
            assert re.search(r"nearest: .*\b\d\d\.\d", str(error.value))


def test_hints_come_in_stages():
    first, second, third = (cu.hint("90.1") for _ in range(3))
    assert (first.number, second.number, third.number) == (1, 2, 2)
    assert "next hint" in first.next_step and "cu.solution" in second.next_step
    assert cu.hint("90.1", 1).text == first.text
    for number in (0, 3, True, "1", 1.0):
        with pytest.raises(cu.CourseError, match="hints 1 to 2"):
            cu.hint("90.1", number)


def test_reports_print_show_and_turn_into_dicts():
    reports = [cu.check_answer("90.1", 28), cu.hint("90.1"), cu.solution("90.4"), cu.progress()]
    for report in reports:
        assert str(report) == repr(report)
        assert report.title() in report._repr_html_().replace("&#x27;", "'")
        json.dumps(report.to_dict())
        with pytest.raises(AttributeError):
            report.exercise = "x"


def test_a_malformed_declaration_is_refused():
    good = dict(id="05.1", ask="?", checker=Number(1), hints=("h",), solution="s", right=(1,))
    for change in ({"id": "5.1"}, {"hints": ()}, {"right": ()}, {"solution": ""}):
        with pytest.raises(ValueError):
            Exercise(**{**good, **change})


def test_progress_keeps_the_best_and_counts(progress_at):
    cu.check_answer("90.1", "28 GB")
    cu.check_answer("90.1", 28)
    record = cu.progress().exercises["90.1"]
    assert (record.outcome, record.attempts) == ("right", 2)
    assert record.right_at
    assert json.loads(progress_at.read_text())["exercises"]["90.1"]["outcome"] == "right"
    assert f"1 of {len(ALL)} exercises right" in str(cu.progress())
    cu.solution("90.2")
    cu.check_answer("90.2", "nf4")
    assert "90.2 right, after the solution" in str(cu.progress())


def test_export_and_merge(progress_at, tmp_path):
    cu.check_answer("90.1", "28 GB")
    cu.check_answer("90.2", "fp4")
    copied = cu.progress().export(tmp_path)
    assert copied == tmp_path / "hub-and-heavyweights-progress.json"
    cu.progress().export(copied)
    progress_at.unlink()
    cu.check_answer("90.2", "nf4")
    merged = cu.merge_progress(copied)
    assert {key for key, one in merged.exercises.items() if one.outcome == "right"} == {
        "90.1",
        "90.2",
    }
    assert cu.merge_progress(str(tmp_path)).exercises == merged.exercises


def test_export_and_merge_refuse_what_is_no_progress_file(tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("long")
    with pytest.raises(cu.CourseError, match="no progress file"):
        cu.progress().export(thesis)
    with pytest.raises(cu.CourseError, match="no progress file"):
        cu.merge_progress(thesis)
    assert thesis.read_text() == "long"
    for bad in (tmp_path / "none.json", 3, None, "/proc/no/p.json"):
        with pytest.raises(cu.CourseError):
            cu.merge_progress(bad)
    with pytest.raises(cu.CourseError, match="could not be written"):
        cu.progress().export("/proc/no/p.json")


def test_on_colab_the_learner_is_told_to_take_a_copy(monkeypatch):
    monkeypatch.setattr("course_utils.session.colab.on_colab", lambda: True)
    assert "cu.merge_progress(path)" in str(cu.progress())
