"""How an exercise is declared, and where all declared exercises are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from course_utils.errors import CourseError
from course_utils.exercises import lessons
from course_utils.exercises.checkers.judgement import (
    EXERCISE_ID,
    NOT_ATTEMPTED,
    Checker,
    Judgement,
    computed,
    crashed,
    type_words,
    untouched,
    wrong,
)
from course_utils.text import nearest, shorten


@dataclass(frozen=True)
class WrongAnswer:
    """A common mistake. Without ``feedback`` the learner reads the checker's own words.

    ``example`` is an answer that makes it, or (except for ``FunctionChecker``) a function without
    arguments that computes one.
    """

    example: Any
    feedback: str = ""


@dataclass(frozen=True)
class Exercise:
    """One exercise. ``id`` is the lesson's number and its own: "05.2".

    ``right`` are answers that must pass, as many spellings as matter; like those of ``wrong`` they
    may be computed. ``solution`` is text, or a function that makes the text from computed values.
    """

    id: str
    ask: str
    checker: Checker
    hints: tuple[str, ...]
    solution: str | Callable[[], str] = field(repr=False)
    right: tuple[Any, ...] = field(repr=False)
    wrong: tuple[WrongAnswer, ...] = ()

    def __post_init__(self) -> None:
        if not EXERCISE_ID.fullmatch(self.id):
            raise ValueError(f'An id is a lesson\'s number and its own, "05.2"; not {self.id!r}')
        if not (self.hints and self.right and self.solution):
            raise ValueError(f"Exercise {self.id} needs a hint, a solution and a right answer")

    @property
    def lesson(self) -> str:
        return self.id.split(".")[0]

    def judge(self, answer: Any) -> Judgement:
        """Judge an answer. Its own errors are not raised; CourseError is, if none can be judged."""
        if untouched(answer):
            return NOT_ATTEMPTED
        try:
            judgement = self.checker.judge(answer)
            if judgement.outcome == "wrong":
                return self._declared_mistake(answer) or judgement
        except CourseError:
            raise
        except Exception as error:
            return crashed(error)
        return judgement

    def _declared_mistake(self, answer: Any) -> Judgement | None:
        for mistake in self.wrong:
            if mistake.feedback and self.checker.same(
                answer, self.checker.resolve(mistake.example)
            ):
                return wrong(mistake.feedback, "declared")
        return None

    def solution_text(self) -> str:
        return self.solution if isinstance(self.solution, str) else str(computed(self.solution))


@cache
def registered() -> Mapping[str, Exercise]:
    """Every exercise of the course by id, from the lessons' modules, read when first asked for."""
    found: dict[str, Exercise] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(lessons.__path__)):
        for exercise in importlib.import_module(f"{lessons.__name__}.{module}").EXERCISES:
            if exercise.id in found or exercise.lesson != module.removeprefix("lesson_"):
                raise ValueError(f"{module}.py declares {exercise.id}: taken, or another lesson's")
            found[exercise.id] = exercise
    return found


def find(exercise_id: str) -> Exercise:
    """The exercise of this id.

    Raises:
        CourseError: there is none; the message names the nearest ids.
    """
    exercises = registered()
    if not isinstance(exercise_id, str):
        raise CourseError(
            f'An exercise\'s id is text, such as "05.2"; this is {type_words(exercise_id)}.'
        )
    wanted = exercise_id.strip()
    if wanted in exercises:
        return exercises[wanted]
    if not exercises:
        raise CourseError("No exercises are declared yet.")
    near = nearest(wanted[:20], exercises, most=3, likeness=0.0)
    raise CourseError(
        f'There is no exercise "{shorten(wanted, 20)}". The nearest: {", ".join(sorted(near))}.'
    )
