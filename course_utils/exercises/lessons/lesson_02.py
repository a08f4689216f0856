"""Exercises of notebook 02, Read a model card. It runs on the practice Hub everywhere."""

from __future__ import annotations

import re

from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.checkers.repo import Condition, RepoCondition
from course_utils.exercises.declared import Exercise, WrongAnswer

PICKLED = "practice/pickle-sentiment"
BYTES_OF_FLOAT32 = 4
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def stated(row: str) -> int:
    """A number from the table in the card of ``PICKLED``."""
    from course_utils.hub.client import read_text

    found = re.search(rf"^\| {row} \| ([\d,]+) \|$", read_text(PICKLED, "README.md") or "", re.M)
    if found is None:
        raise ValueError(f"The card of {PICKLED} states no {row}")
    return int(found[1].replace(",", ""))


def wrapping(bytes_each: int = BYTES_OF_FLOAT32) -> int:
    return stated("weight file bytes") - bytes_each * stated("parameters")


FENCED = """# tool
Some text.
## Usage
```bash
# install it first
pip install tool
# then run it
```
## Limits
None known."""


def headings(text: str) -> list[str]:
    found, in_code = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            in_code = not in_code
        elif line.startswith("#") and not in_code:
            found.append(line.lstrip("#").strip())
    return found


def without_looking_at_code(text: str) -> list[str]:
    return [line.lstrip("#").strip() for line in text.splitlines() if line.startswith("#")]


def with_blanks(text: str) -> list[str]:
    return [f" {heading}" for heading in headings(text)]


def with_marks(text: str) -> list[str]:
    in_code, found = False, []
    for line in text.splitlines():
        in_code ^= line.startswith("```")
        if line.startswith("#") and not in_code:
            found.append(line)
    return found


EXERCISES = (
    Exercise(
        id="02.1",
        ask="Which of the four questions does the card of parcel-reader leave open: what it does, "
        "inputs and outputs, intended use, or how to load it?",
        checker=Choice(
            {
                "how to load it": ("how it is loaded", "how to load", "loading"),
                "what it does": ("what does it do",),
                "inputs and outputs": ("inputs", "outputs", "what goes in and what comes out"),
                "intended use": ("intended use and misuse", "misuse", "what it is for"),
            },
            answer="how to load it",
        ),
        hints=(
            "Read the sentence under each heading, and forget the heading.",
            "Two headings look alike and mean different things. What does the sentence under "
            "each of them tell you to do?",
            "Could you run this model tomorrow with nothing but this card?",
        ),
        wrong=(
            WrongAnswer(
                "intended use",
                "Under Uses it says what for, and what not. Look at the heading that is spelled "
                "almost like it.",
            ),
            WrongAnswer("inputs and outputs", "One string goes in, three come back. That is said."),
            WrongAnswer("what it does", "The Description says it in one sentence."),
        ),
        solution='"how to load it". Usage promises a snippet and tells of post offices instead; '
        "Uses, two letters away, is the intended use.",
        right=("how to load it", "How to load it.", "loading"),
    ),
    Exercise(
        id="02.2",
        ask="Name a text-classification model on the shelf that loads without its author's code.",
        checker=RepoCondition(
            (
                Condition("stand on the shelf", lambda repo: repo.id.startswith("practice/")),
                Condition(
                    "be filed under text-classification",
                    lambda repo: repo.info.pipeline_tag == "text-classification",
                ),
                Condition(
                    "keep its weights in safetensors only",
                    lambda repo: (
                        any(name.endswith(".safetensors") for name in repo.files)
                        and not any(name.endswith(PICKLES) for name in repo.files)
                    ),
                    "A pickle can run code when it is opened.",
                ),
                Condition(
                    "need no Python of its own",
                    lambda repo: not any(name.endswith(".py") for name in repo.files),
                    "Its architecture stands in a file of the repo.",
                ),
            )
        ),
        hints=(
            'HfApi().list_models(author="practice", pipeline_tag="text-classification") lists '
            "the candidates.",
            "HfApi().list_repo_files(repo_id) shows what a repo holds: look for .bin and for .py.",
            "Of three candidates one keeps a pickle and one brings its own Python.",
        ),
        wrong=(
            WrongAnswer(PICKLED),
            WrongAnswer("practice/custom-code-classifier"),
            WrongAnswer("practice/tiny-chat"),
            WrongAnswer("practice/no-card"),
        ),
        solution="practice/tiny-sentiment: safetensors, and the architecture (DistilBERT) is a "
        "part of transformers.",
        right=("practice/tiny-sentiment",),
    ),
    Exercise(
        id="02.3",
        ask="How many bytes of the weights file of practice/pickle-sentiment are wrapping?",
        checker=Number(wrapping, unit="bytes"),
        hints=(
            "The table of the card has all you need: parameters, dtype, weight file bytes.",
            "The dtype says how many bytes one parameter takes. float32 has 32 bits.",
            "Subtract parameters times bytes from the size of the file.",
        ),
        wrong=(
            WrongAnswer(
                lambda: wrapping(1),
                "That takes away the number of parameters, as if each were one byte.",
            ),
            WrongAnswer(
                lambda: wrapping(2),
                "That would be right for bfloat16. What dtype does this card state?",
            ),
            WrongAnswer(
                lambda: stated("weight file bytes"),
                "That is the whole file. Take away the bytes that are parameters.",
            ),
            WrongAnswer(
                lambda: BYTES_OF_FLOAT32 * stated("parameters"),
                "Those bytes are the numbers themselves. What is left of the file without them?",
            ),
        ),
        solution=lambda: (
            f"{stated('weight file bytes'):,} - {BYTES_OF_FLOAT32} * {stated('parameters'):,} = "
            f"{wrapping():,} bytes: the table of contents, names, and a zip archive around it."
        ),
        right=(wrapping, lambda: f"{wrapping()} bytes"),
    ),
    Exercise(
        id="02.4",
        ask="Write headings(text): the headings of a card, without those that are code.",
        checker=FunctionChecker(
            (
                Case(("# one\ntext\n## two",), ["one", "two"], "two headings and a line of text"),
                Case((FENCED,), ["tool", "Usage", "Limits"], "comments in a block of code"),
                Case(("no heading at all",), [], "a card without headings"),
                Case(
                    ("```\n# a\n```\n# real\n```\n# b\n```",),
                    ["real"],
                    "two blocks of code with a heading between them",
                ),
            )
        ),
        hints=(
            "Go through text.splitlines() and remember whether you are inside a block of code.",
            "A line that starts with three backticks turns that memory around.",
            "Start with an empty list and in_code = False. At a fence: in_code = not in_code. At a "
            '"#" outside of code: append line.lstrip(…).strip().',
        ),
        wrong=(
            WrongAnswer(
                without_looking_at_code,
                "Comments in code begin with # as well, and you have listed them.",
            ),
            WrongAnswer(with_marks, "Those are the right lines. Take the # off."),
            WrongAnswer(
                with_blanks,
                "The # is off, and the blank behind it is still there: .strip() takes it.",
            ),
        ),
        solution="def headings(text):\n"
        "    found, in_code = [], False\n"
        "    for line in text.splitlines():\n"
        '        if line.startswith("```"):\n'
        "            in_code = not in_code\n"
        '        elif line.startswith("#") and not in_code:\n'
        '            found.append(line.lstrip("#").strip())\n'
        "    return found",
        right=(headings,),
    ),
)
