"""Exercises of notebook 03, Check the license. It runs on the practice Hub everywhere."""

from __future__ import annotations

from collections.abc import Sequence

from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.declared import Exercise, WrongAnswer


def may_ship(verdicts: Sequence[str]) -> bool:
    return all(verdict in ("yes", "yes-if") for verdict in verdicts)


EXERCISES = (
    Exercise(
        id="03.1",
        ask="Which may be used inside the company: whisper-small, musicgen-small, "
        "nllb-200-distilled-600M or clip-vit-base-patch32?",
        checker=Choice(
            {
                "openai/whisper-small": ("whisper-small",),
                "facebook/musicgen-small": ("musicgen-small",),
                "facebook/nllb-200-distilled-600M": ("nllb-200-distilled-600M",),
                "openai/clip-vit-base-patch32": ("clip-vit-base-patch32",),
            },
            answer="openai/whisper-small",
        ),
        hints=(
            'The use is inside a company: cu.check_license(repo_id, "internal").',
            "Two of the four have a license of the same family, and one has no license tag.",
            "The one you want is under a permissive license.",
        ),
        wrong=(
            WrongAnswer(
                "facebook/musicgen-small",
                "Nobody pays for the music, but it plays for the company's callers. Its license "
                "is non-commercial, and serving the business counts as commercial.",
            ),
            WrongAnswer(
                "facebook/nllb-200-distilled-600M",
                "Only the staff would see the translations. Its license is non-commercial all the "
                "same, and a tool inside a company counts as a product.",
            ),
            WrongAnswer(
                "clip-vit-base-patch32",
                "Its repo names no license, and that is no permission.",
            ),
        ),
        solution="openai/whisper-small, under Apache-2.0. Two of the others are under "
        "CC BY-NC 4.0, and one names no license.",
        right=("openai/whisper-small", "whisper-small", "Whisper-Small"),
    ),
    Exercise(
        id="03.2",
        ask="Customers chat with a help desk that Llama answers. What does its license ask then: "
        "show Built with Llama, ask Meta for a license, publish our changes, or nothing?",
        checker=Choice(
            {
                "show Built with Llama": ("Built with Llama", 'show "Built with Llama"'),
                "ask Meta for a license": ("ask Meta",),
                "publish our changes": ("publish",),
                "nothing": ("nothing at all",),
            },
            answer="show Built with Llama",
        ),
        hints=(
            "The conditions stand in the rows named `if` of Llama's report.",
            "One of them speaks of a product or service that contains the model.",
        ),
        wrong=(
            WrongAnswer(
                "ask Meta for a license",
                "That is for companies with more than 700 million users a month.",
            ),
            WrongAnswer(
                "publish our changes",
                "Copyleft licenses ask for such things. None of Llama's conditions does.",
            ),
            WrongAnswer(
                "nothing",
                "The verdict was yes-if, not yes. Read the conditions once more, with customers "
                "in mind.",
            ),
        ),
        solution="show Built with Llama: customers would use a service with Llama inside.",
        right=("show Built with Llama", "Built with Llama", "show built with llama"),
    ),
    Exercise(
        id="03.3",
        ask="Which finetune may be published as it is: desk-small (Qwen2.5-3B, tag mit), "
        "desk-helper (Llama-3.1-8B, tag llama3.1) or desk-qwen (Qwen2.5-7B, tag apache-2.0)?",
        checker=Choice(
            {
                "desk-qwen": ("desk qwen",),
                "desk-small": ("desk small",),
                "desk-helper": ("desk helper",),
            },
            answer="desk-qwen",
        ),
        hints=(
            "First the base model: what does its license allow?",
            "Then the conditions: one license has a say in the names of finetunes.",
            'The picture cu.show_picture("license_families") has all three families.',
        ),
        wrong=(
            WrongAnswer(
                "desk-small",
                "A finetune contains its base model, and this base is for research only. A "
                "colleague can't change that by typing another tag.",
            ),
            WrongAnswer(
                "desk-helper",
                "Its base and its tag agree. But look at what Meta's license says of the name.",
            ),
        ),
        solution="desk-qwen: its base is under Apache-2.0 too. desk-small has a base for research "
        'only, and the name of desk-helper would have to begin with "Llama".',
        right=("desk-qwen", "Desk-Qwen", "desk qwen"),
    ),
    Exercise(
        id="03.4",
        ask="Write may_ship(verdicts): True if a product of these parts may go out.",
        checker=FunctionChecker(
            (
                Case((["yes", "yes"],), True, "two parts that allow it"),
                Case((["yes", "yes-if"],), True, "a condition, which you keep"),
                Case((["yes", "no", "yes"],), False, "one part that forbids it"),
                Case((["yes", "cannot-tell"],), False, "one part of which nobody knows"),
                Case((["yes-if"],), True, "a single part"),
            )
        ),
        hints=(
            "Which of the four verdicts of a part would stop you?",
            "Python has a word for: this holds for every element.",
            'all(… for verdict in verdicts), and for one verdict: … in ("yes", …)',
        ),
        wrong=(
            WrongAnswer(
                lambda verdicts: "no" not in verdicts,
                "It ships a part of which nobody can tell. No license is no permission.",
            ),
            WrongAnswer(
                lambda verdicts: any(verdict in ("yes", "yes-if") for verdict in verdicts),
                "For this function one good part is enough. But the product contains them all.",
            ),
            WrongAnswer(
                lambda verdicts: all(verdict == "yes" for verdict in verdicts),
                "It refuses every Llama. The company keeps the conditions, so yes-if is fine.",
            ),
            WrongAnswer(lambda verdicts: verdicts[-1]),
        ),
        solution="def may_ship(verdicts):\n"
        '    return all(verdict in ("yes", "yes-if") for verdict in verdicts)',
        right=(may_ship, lambda verdicts: not {"no", "cannot-tell"} & set(verdicts)),
    ),
)
