"""Answers that are one of a few words, and answers that are repos on the Hub in use."""

from __future__ import annotations

import pytest

import course_utils as cu
from course_utils.exercises import Choice
from tests.course_utils.exercises.demonstrations import DEMONSTRATIONS, judged


def test_choices_are_told_from_other_words():
    checker = DEMONSTRATIONS[1].checker
    assert judged(checker, "bf16").mistake == "no choice"
    assert judged(checker, "int8").mistake is None
    with pytest.raises(ValueError, match="none of the options"):
        Choice({"a": ()}, answer="b")
    with pytest.raises(ValueError, match="share a spelling"):
        Choice({"a": ("x",), "b": ("X",)}, answer="a")


def test_repos_are_asked_of_the_hub_in_use():
    assert "no model of that name" in cu.check_answer("90.3", "practice/nowhere").feedback
    assert "must be open" in cu.check_answer("90.3", "practice/gated-chat").feedback
    assert "license Apache-2.0" in cu.check_answer("90.3", "practice/no-license").feedback
    from huggingface_hub import HfApi

    assert cu.check_answer("90.3", HfApi().model_info("practice/tiny-chat")).is_right


def test_a_hub_that_does_not_answer_judges_nothing(monkeypatch, progress_at):
    import huggingface_hub

    dead = huggingface_hub.HfApi(endpoint="http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: dead)
    with pytest.raises(cu.CourseError, match="not judged"):
        cu.check_answer("90.3", "practice/tiny-chat")
    assert not progress_at.exists()


def test_a_repo_exercise_does_not_choose_the_hub(run_python):
    code = """
import sys, course_utils as cu
from course_utils.exercises import *
checker = RepoCondition((Condition("be", lambda repo: True),))
try:
    Exercise("05.1", "?", checker, ("h",), solution="s", right=("a/b",)).judge("a/b")
except cu.CourseError as error:
    print(error, "huggingface_hub" in sys.modules)
"""
    assert "Run cu.start() first" in (said := run_python(code).stdout) and "False" in said
