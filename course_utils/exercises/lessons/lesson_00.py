"""Exercises of notebook 00, Start here. It runs on the practice Hub everywhere."""

from __future__ import annotations

from course_utils.curriculum import curriculum
from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.checkers.repo import Repo
from course_utils.exercises.declared import Exercise, WrongAnswer

MB = 10**6
MIB = 2**20


def parameters() -> int:
    return Repo(curriculum().models["embed"]["practice"]).parameters


def in_16_bits() -> int:
    return 2 * parameters()


EXERCISES = (
    Exercise(
        id="00.1",
        ask="Write a function that takes a repo id and returns its owner.",
        checker=FunctionChecker(
            (
                Case(("practice/tiny-chat",), "practice"),
                Case(("Qwen/Qwen2.5-7B-Instruct",), "Qwen"),
                Case(("google-bert/bert-base-uncased",), "google-bert", "an owner with a hyphen"),
            )
        ),
        hints=(
            "The owner is everything left of the slash.",
            'Text has a method for that: "a/b".split("/") is a list of the two parts.',
            "def owner(repo_id):\n    return repo_id.split(…)[…]",
        ),
        wrong=(
            WrongAnswer(
                lambda repo_id: repo_id.split("/")[-1],
                "That is the name, right of the slash. The owner stands left of it.",
            ),
            WrongAnswer(
                lambda repo_id: repo_id.split("/"),
            ),
            WrongAnswer(
                lambda repo_id: repo_id[: repo_id.index("/") + 1],
                "Almost: the slash only stands between the two. It is no part of the owner.",
            ),
            WrongAnswer(
                lambda repo_id: repo_id[:8],
                "That counts letters. Owners' names are of different lengths.",
            ),
        ),
        solution='def owner(repo_id):\n    return repo_id.split("/")[0]',
        right=(lambda repo_id: repo_id.split("/")[0], lambda text: text[: text.index("/")]),
    ),
    Exercise(
        id="00.2",
        ask="What pins a model to exactly the files you have now: its name, its owner, its task or "
        "its commit?",
        checker=Choice(
            {
                "commit": ("the commit", "its commit", "sha", "revision"),
                "name": ("its name", "the name", "repo id"),
                "owner": ("its owner", "the owner"),
                "task": ("its task", "the task"),
            },
            answer="commit",
        ),
        hints=(
            "Owners may push new files whenever they like. What changes when they do?",
            "The Hub showed it with 40 digits, and pipeline() takes it under another name.",
        ),
        wrong=(
            WrongAnswer("name", "The name stays when its owner pushes other files."),
            WrongAnswer("owner", "The owner is who may push other files."),
            WrongAnswer("task", "The task is only a label: many models share it."),
        ),
        solution="commit. Pass it as revision= and you get the same files next year.",
        right=("commit", "Commit.", "the commit"),
    ),
    Exercise(
        id="00.3",
        ask="How large would the finder's file be if each parameter took 16 bits?",
        checker=Number(in_16_bits, unit="bytes", tolerance=0.01),
        hints=(
            "Parameters times bytes. How many bytes are 16 bits?",
            "A byte has eight bits, so each parameter takes half of what it takes now.",
            'parameters * 2 / 1e6, with "MB" behind it.',
        ),
        wrong=(
            WrongAnswer(
                lambda: f"{parameters() / MB} MB", "That is how many parameters there are."
            ),
            WrongAnswer(
                lambda: f"{4 * parameters() / MB} MB",
                "That is the file as it is: four bytes each.",
            ),
            WrongAnswer(lambda: f"{8 * in_16_bits() / MB} MB"),
            WrongAnswer(lambda: f"{in_16_bits() / MIB} MB"),
        ),
        solution=lambda: (
            f"{parameters():,} parameters * 2 bytes = {in_16_bits():,} bytes\n"
            f"= {in_16_bits() / MB:.2f} MB. The table of contents adds a little."
        ),
        right=(
            lambda: f"{in_16_bits() / MB} MB",
            lambda: in_16_bits(),
            lambda: f"{in_16_bits() / MIB} MiB",
        ),
    ),
)
