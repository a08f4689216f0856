"""Exercises: check an answer, ask for a hint, see the solution, look at one's progress.

A lesson declares its exercises in one place, ``lesson_NN.py`` in this folder: a tuple ``EXERCISES``
of ``Exercise(…)``, each with its hints, common wrong answers and solution beside its checker.
"""

from course_utils.exercises.answering import check_answer, hint, merge_progress, progress, solution
from course_utils.exercises.choice import Choice
from course_utils.exercises.declared import Exercise, WrongAnswer
from course_utils.exercises.function import Case, FunctionChecker
from course_utils.exercises.judgement import YOUR_ANSWER
from course_utils.exercises.matching import Matching
from course_utils.exercises.number import Number
from course_utils.exercises.repo import Condition, Repo, RepoCondition

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
