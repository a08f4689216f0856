"""Exercises of lesson 06, Load in half precision."""

from __future__ import annotations

from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.declared import Exercise, WrongAnswer
from course_utils.gpus import GPUS
from course_utils.units import in_gib

QWEN_7B = 7_615_616_512  # parameters, as the lesson's table of stored dtypes shows
EIGHT_BILLION = 8 * 10**9


def half_for(compute_capability: str) -> str:
    return "bfloat16" if float(compute_capability) >= 8.0 else "float16"


def compared_as_text(compute_capability: str) -> str:
    return "bfloat16" if compute_capability >= "8.0" else "float16"


def in_short(compute_capability: str) -> str:
    return "bf16" if float(compute_capability) >= 8.0 else "fp16"


def as_torchs_own(compute_capability: str) -> object:
    import torch

    return getattr(torch, half_for(compute_capability))


EXERCISES = (
    Exercise(
        id="06.1",
        ask="Qwen2.5-7B-Instruct, loaded without dtype: how many bytes do its weights take?",
        checker=Number(2 * QWEN_7B, unit="bytes"),
        hints=(
            "Without `dtype=` the weights arrive in the dtype they are stored in. Which one does "
            "the first row name?",
            "A BF16 number has 16 bits. How many bytes is that?",
            "Multiply the parameters of the first row by the bytes of one.",
        ),
        wrong=(
            WrongAnswer(
                4 * QWEN_7B,
                "That is four bytes a parameter, as in older texts. Nobody asked for float32 here, "
                "and the file is not stored in it.",
            ),
            WrongAnswer(QWEN_7B, "Those are the parameters. How many bytes does one take?"),
            WrongAnswer(2, "That is one parameter. How many does the row count?"),
            WrongAnswer("15.23 GiB"),
            WrongAnswer(lambda: 16 * QWEN_7B),
        ),
        solution=lambda: (
            "The row says BF16: each parameter takes two bytes, and without dtype= it stays so.\n"
            f"2 * {QWEN_7B:,} = {2 * QWEN_7B:,} bytes, which is "
            f"{2 * QWEN_7B / 1e9:.2f} GB or {2 * QWEN_7B / 2**30:.2f} GiB. A T4 has "
            f"{in_gib(GPUS['T4'].memory)} in all:\n"
            "in half precision the weights leave it no room to work."
        ),
        right=(2 * QWEN_7B, "15.23 GB", "14.18 GiB"),
    ),
    Exercise(
        id="06.2",
        ask="A function from a compute capability, as text, to the dtype to load in, as text.",
        checker=FunctionChecker(
            (
                Case(("7.5",), "float16", "the T4"),
                Case(("8.0",), "bfloat16", "the first with native bfloat16"),
                Case(("8.9",), "bfloat16"),
                Case(("12.0",), "bfloat16", "a capability of two digits"),
                Case(("6.0",), "float16"),
                Case(("9.0",), "bfloat16"),
            )
        ),
        hints=(
            "From which compute capability on is bfloat16 built in? The lesson names it.",
            "The argument is text, and texts are compared letter by letter: the text of twelve "
            "comes before the text of eight.",
            "`float(compute_capability)` turns the text into a number.",
        ),
        wrong=(
            WrongAnswer(
                compared_as_text,
                "Texts are compared letter by letter, so the newest GPUs come before the oldest. "
                "Turn the text into a number first.",
            ),
            WrongAnswer(
                in_short,
                "The choice is right for each GPU. But torch doesn't know these names: write them "
                "in full.",
            ),
            WrongAnswer(
                as_torchs_own,
                "The choice is right for each GPU. But text was asked for: the name in quotes, "
                "without `torch.` before it.",
            ),
            WrongAnswer(
                lambda compute_capability: "bfloat16",
                "A T4 can only imitate that, which is slow. Which dtype is built into it?",
            ),
            WrongAnswer(
                lambda compute_capability: "float16",
                "That runs on every GPU, but newer ones have bfloat16 built in, and its wider "
                "range is safer.",
            ),
        ),
        solution=(
            "def half_for(compute_capability):\n"
            '    return "bfloat16" if float(compute_capability) >= 8.0 else "float16"'
        ),
        right=(half_for,),
    ),
    Exercise(
        id="06.3",
        ask="8 billion parameters, dtype=torch.float16, out of memory while loading: how many "
        "bytes of weights does the second attempt of pipeline() ask for?",
        checker=Number(4 * EIGHT_BILLION, unit="bytes"),
        hints=(
            "What did pipeline() do above, when the load raised an error?",
            "The second attempt has another dtype than the first. Which one?",
            "Eight billion numbers, each of four bytes.",
        ),
        wrong=(
            WrongAnswer(
                "16 GB",
                "That is the first attempt, which failed. The second one has another dtype.",
            ),
            WrongAnswer(
                "8 GB",
                "That would be one byte a parameter. The second attempt asks for more, not "
                "for less.",
            ),
            WrongAnswer("29.8 GB"),
        ),
        solution="The second attempt is in float32: 8e9 * 4 = 32e9 bytes, 32 GB, twice the first.",
        right=(32e9, "32 GB", "29.8 GiB"),
    ),
)
