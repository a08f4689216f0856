"""Exercises of every kind, made for these tests, beside those that the lessons declare."""

from __future__ import annotations

from typing import Any

from course_utils.exercises import (
    Case,
    Choice,
    Condition,
    Exercise,
    FunctionChecker,
    Matching,
    Number,
    RepoCondition,
    WrongAnswer,
    declared,
)
from course_utils.exercises.checkers.judgement import Checker, Judgement

WEIGHTS = 28_000_000_000


def half(count):
    return count // 2


DEMONSTRATIONS = (
    Exercise(
        id="90.1",
        ask="How many bytes do seven billion parameters take in float32?",
        checker=Number(lambda: 4 * 7 * 10**9, unit="bytes"),
        hints=("One float32 takes 32 bits.", "Multiply parameters by bytes."),
        wrong=(
            WrongAnswer(28),
            WrongAnswer("26.08 GB"),
            WrongAnswer(lambda: 8 * WEIGHTS),
            WrongAnswer("7 GB", "That counts the parameters, not their bytes."),
        ),
        solution=lambda: f"7e9 * 4 = {7 * 10**9 * 4} bytes",
        right=(28e9, "28 GB", "26.08 GiB", lambda: WEIGHTS),
    ),
    Exercise(
        id="90.2",
        ask="Which is the four-bit type made for weights: nf4, fp4 or int8?",
        checker=Choice({"nf4": ("normal float 4",), "fp4": (), "int8": ("8-bit",)}, answer="nf4"),
        hints=("Weights are spread like a bell.",),
        wrong=(
            WrongAnswer("FP4", "It has four bits, but its steps fit no bell."),
            WrongAnswer("8 bit"),
        ),
        solution="nf4",
        right=("nf4", " NF4. ", "Normal-Float 4"),
    ),
    Exercise(
        id="90.3",
        ask="Name a model whose license is Apache-2.0.",
        checker=RepoCondition(
            (
                Condition("be open", lambda repo: not repo.info.gated),
                Condition(
                    "have the license Apache-2.0",
                    lambda repo: repo.info.card_data.license == "apache-2.0",
                ),
            )
        ),
        hints=("The license stands in the card.",),
        wrong=(
            WrongAnswer("practice/gated-chat"),
            WrongAnswer("practice/no-license"),
            WrongAnswer("practice/no-card", "It has no card, so nobody knows."),
            WrongAnswer("practice/nowhere"),
        ),
        solution="practice/tiny-chat",
        right=("practice/tiny-chat",),
    ),
    Exercise(
        id="90.4",
        ask="Write half(count), rounding down.",
        checker=FunctionChecker((Case((9,), 4, "an odd number"), Case((122,), 61)), seconds=0.5),
        hints=("Python has an operator that divides and rounds down.",),
        wrong=(WrongAnswer(lambda count: (count + 1) // 2, "That rounds up."),),
        solution="def half(count):\n    return count // 2",
        right=(half,),
    ),
    Exercise(
        id="90.5",
        ask="Which share of the parameters is active?",
        checker=Number(0.2789),
        hints=("Divide the active by the total.",),
        wrong=(WrongAnswer(27.89),),
        solution="0.2789",
        right=(0.2789, "0.279"),
    ),
    Exercise(
        id="90.6",
        ask="What do disks and what does torch count in: GB or GiB?",
        checker=Matching({"GB": ("gigabytes",), "GiB": ()}, answer={"disk": "GB", "torch": "GiB"}),
        hints=("One counts in thousands.",),
        wrong=(
            WrongAnswer({"disk": "GiB", "torch": "GB"}),
            WrongAnswer({"disk": "GiB"}, "Shops like the smaller unit, it makes a larger number."),
            WrongAnswer({"disk": "GB"}),
            WrongAnswer({"disk": "GB", "torch": "MB"}),
            WrongAnswer(["GB", "GiB"]),
        ),
        solution='{"disk": "GB", "torch": "GiB"}',
        right=({"disk": "gb", "torch": "GiB."}, {"disk": "Gigabytes", "torch": "gib", "x": 1}),
    ),
)
ALL = {exercise.id: exercise for exercise in DEMONSTRATIONS} | dict(declared.registered())


def judged(checker: Checker, answer: Any) -> Judgement:
    """What the checker of an exercise says of an answer."""
    exercise = Exercise("91.1", "?", checker, ("look",), solution="so", right=(1,))
    return exercise.judge(answer)
