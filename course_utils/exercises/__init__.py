"""Exercises: check an answer, ask for a hint, see the solution, look at one's progress.

A lesson declares its exercises in one place, ``lessons/lesson_NN.py``: a tuple ``EXERCISES``
of ``Exercise(…)``, each with its hints, common wrong answers and solution beside its checker.
"""

from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.judgement import YOUR_ANSWER
from course_utils.exercises.checkers.matching import Matching
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.checkers.repo import Condition, Repo, RepoCondition
from course_utils.exercises.declared import Exercise, WrongAnswer
from course_utils.exercises.engine import check_answer, hint, merge_progress, progress, solution

__all__ = [
    "YOUR_ANSWER",
    "Case",
    "Choice",
    "Condition",
    "Exercise",
    "FunctionChecker",
    "Matching",
    "Number",
    "Repo",
    "RepoCondition",
    "WrongAnswer",
    "check_answer",
    "hint",
    "merge_progress",
    "progress",
    "solution",
]
