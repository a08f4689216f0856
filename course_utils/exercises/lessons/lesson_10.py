"""Exercises of lesson 10, When it still does not fit."""

from __future__ import annotations

from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.checkers.repo import Condition, Repo, RepoCondition
from course_utils.exercises.declared import Exercise, WrongAnswer

GIB = 2**30


def hopeless(parameters: float, gib: float) -> bool:
    return parameters / 2 > gib * GIB


def _fits_on_a_t4(repo: Repo) -> bool:
    from course_utils.fit import ways_to_fit

    return ways_to_fit(repo.id, gpu="T4").best is not None


EXERCISES = (
    Exercise(
        id="10.1",
        ask="hopeless(parameters, gib): True when four bits for each parameter exceed so many GiB.",
        checker=FunctionChecker(
            (
                Case((70e9, 14.6), True, "70 billion on a T4"),
                Case((7e9, 14.6), False, "7 billion on a T4"),
                Case((31e9, 14.6), False, "just within, if GiB are GiB"),
                Case((32e9, 14.6), True, "just beyond"),
                Case((29e9, 14.6), False, "within, as long as scales do not count"),
                Case((1e9, 14.6), False, "1 billion on a T4"),
                Case((70e9, 79.2), False, "70 billion on a GPU of 80 GB"),
            )
        ),
        hints=(
            "How many bytes are four bits?",
            "The GPU's size is in GiB, and parameters / 2 are bytes. Bring both to bytes.",
            "Return whether half of the parameters is more than gib * 2**30.",
        ),
        wrong=(
            WrongAnswer(
                lambda parameters, gib: parameters / 2 > gib * 1e9,
                "That takes a GiB for a GB, and gives up on models that might fit.",
            ),
            WrongAnswer(
                lambda parameters, gib: parameters * 4.5 / 8 > gib * GIB,
                "Those are 4.5 bits, scales and all. This bound is kinder: four, and nothing else.",
            ),
            WrongAnswer(
                lambda parameters, gib: parameters / 2 > gib,
                "The left side is in bytes, the right one in GiB.",
            ),
            WrongAnswer(
                lambda parameters, gib: parameters * 4 > gib * GIB,
                "Those are four bytes for each parameter. Four bits are less.",
            ),
            WrongAnswer(
                lambda parameters, gib: parameters * 2 > gib * GIB,
                "That is the bound for 16 bits.",
            ),
            WrongAnswer(
                lambda parameters, gib: parameters / 2 < gib * GIB,
                "The other way round: that is True where there is hope.",
            ),
        ),
        solution="def hopeless(parameters, gib):\n    return parameters / 2 > gib * 2**30",
        right=(hopeless, lambda parameters, gib: parameters * 4 / 8 / 1024**3 > gib),
    ),
    Exercise(
        id="10.2",
        ask="A repo id: by the owner of Qwen/Qwen2.5-72B-Instruct, more than 5 billion parameters, "
        "open, Apache-2.0, and with a way to fit onto a T4.",
        checker=RepoCondition(
            (
                Condition(
                    "be by the same owner",
                    lambda repo: repo.id.startswith("Qwen/"),
                    "A sibling comes from the same house.",
                ),
                Condition("be open", lambda repo: not repo.info.gated),
                Condition(
                    "have more than 5 billion parameters",
                    lambda repo: repo.parameters > 5e9,
                    "There is room for more on a T4.",
                ),
                Condition(
                    "be under Apache-2.0",
                    lambda repo: "license:apache-2.0" in (repo.info.tags or ()),
                    "Look at its tags: info.tags.",
                ),
                Condition(
                    "fit onto a T4 in some way",
                    _fits_on_a_t4,
                    'cu.ways_to_fit(repo, gpu="T4").best is None for it.',
                ),
            )
        ),
        hints=(
            "The search of this section, with other sizes, lists candidates.",
            "The cell with four sizes tells which of them get onto a T4.",
            "Any of its rows that does not say nothing fits; then look at the license.",
        ),
        wrong=(
            WrongAnswer("Qwen/Qwen2.5-72B-Instruct"),
            WrongAnswer("Qwen/Qwen2.5-32B-Instruct"),
            WrongAnswer("Qwen/Qwen2.5-0.5B-Instruct"),
            WrongAnswer(
                "meta-llama/Llama-3.1-8B-Instruct",
                "It is of another family, gated, and has a license of its own.",
            ),
        ),
        solution="Qwen/Qwen2.5-14B-Instruct: 14.77 billion parameters, on a T4 in nf4.",
        right=("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-14B-Instruct", "Qwen/Qwen3-8B"),
    ),
    Exercise(
        id="10.3",
        ask="39.5 GB of weights, 13 GiB for weights on each T4: the fewest T4s that hold them?",
        checker=Number(3, tolerance=0),
        hints=(
            "Two units are in the question. Bring them to one.",
            "13 GiB are 13 * 2**30 bytes. How often do they go into 39.5e9?",
            "Divide, and round up: a part of a GPU cannot be bought.",
        ),
        wrong=(
            WrongAnswer(
                4,
                "That is 39.5 / 13, rounded up: GB divided by GiB. In bytes it is less.",
            ),
            WrongAnswer(3.04, "That is GB divided by GiB. Bring both to bytes first."),
            WrongAnswer(
                2.83,
                "That is the quotient. A part of a GPU cannot be bought.",
            ),
            WrongAnswer(2, "That rounds down, and leaves some of the weights without a place."),
            WrongAnswer(11, "That counts 16 bits for each weight. The 39.5 GB are in four."),
        ),
        solution=lambda: (
            f"39.5e9 / (13 * 2**30) = {39.5e9 / (13 * GIB):.2f}, rounded up: 3.\n"
            "GB divided by GiB gives 3.04, and would have bought a fourth."
        ),
        right=(3, "3"),
    ),
)
