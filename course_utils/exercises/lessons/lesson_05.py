"""Exercises of lesson 05, Do the memory math."""

from __future__ import annotations

from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.declared import Exercise, WrongAnswer
from course_utils.units import GB, GIB

FOURTEEN_BILLION = 14_770_033_664  # Qwen2.5-14B
MIXTURE, MIXTURE_ACTIVE = 30_532_122_624, 3_353_032_704  # Qwen3-30B-A3B, as the lesson prints them
MIXTURE_IN_NF4 = "59.76 GB"


def tokens_that_fit(room: int, layers: int, kv_heads: int, head_size: int) -> int:
    return room // (2 * layers * kv_heads * head_size * 2)


def one_factor_forgotten(room: int, layers: int, kv_heads: int, head_size: int) -> int:
    return room // (2 * layers * kv_heads * head_size)


def both_factors_forgotten(room: int, layers: int, kv_heads: int, head_size: int) -> int:
    return room // (layers * kv_heads * head_size)


def not_rounded(room: int, layers: int, kv_heads: int, head_size: int) -> float:
    return room / (2 * layers * kv_heads * head_size * 2)


def bits_for_bytes(room: int, layers: int, kv_heads: int, head_size: int) -> int:
    return room // (2 * layers * kv_heads * head_size * 16)


def of_one_layer(room: int, layers: int, kv_heads: int, head_size: int) -> int:
    return room // (2 * kv_heads * head_size * 2)


EXERCISES = (
    Exercise(
        id="05.1",
        ask="14,770,033,664 parameters in bfloat16: how many GiB of a GPU do the weights take?",
        checker=Number(2 * FOURTEEN_BILLION / GIB, unit="GiB", tolerance=0.005),
        hints=(
            "First the bytes. How many does one parameter take in bfloat16? The first table says.",
            "Then the unit: a GB is 10**9 bytes and a GiB is 2**30. Which of them is asked for?",
            "Parameters times two, divided by 2**30.",
        ),
        wrong=(
            WrongAnswer(29.54),
            WrongAnswer(
                14.77,
                "Those are the parameters, in billions. How many bytes does one take, and how "
                "large is a GiB?",
            ),
            WrongAnswer(
                FOURTEEN_BILLION / GIB, "That is one byte for each parameter. bfloat16 has 16 bits."
            ),
            WrongAnswer(
                4 * FOURTEEN_BILLION / GIB,
                'That is "times 4", four bytes for each. How many has bfloat16?',
            ),
            WrongAnswer(
                2 * FOURTEEN_BILLION / GB * GIB / GB,
                "You went the other way: the larger the unit, the fewer of them there are.",
            ),
            WrongAnswer(2 * FOURTEEN_BILLION, "Those are bytes. How many of them make a GiB?"),
            WrongAnswer(16 * FOURTEEN_BILLION / GIB),
            WrongAnswer("27.51 GB"),
        ),
        solution=lambda: (
            f"{FOURTEEN_BILLION:,} * 2 = {2 * FOURTEEN_BILLION:,} bytes, and divided by 2**30 that "
            f"is {2 * FOURTEEN_BILLION / GIB:.2f} GiB.\nThe download page of this model, "
            f"Qwen2.5-14B, would say {2 * FOURTEEN_BILLION / GB:.1f} GB."
        ),
        right=(27.51, "27.5 GiB", "29.54 GB", lambda: 2 * FOURTEEN_BILLION / 2**30),
    ),
    Exercise(
        id="05.2",
        ask="Qwen3-30B-A3B in bfloat16: how many bytes must the GPU hold for its weights?",
        checker=Number(2 * MIXTURE, unit="bytes"),
        hints=(
            "The table gives two counts for this model. Which of them is in memory?",
            "The next token may go through other experts than this one. Where must they be?",
            "All of its parameters, each in two bytes.",
        ),
        wrong=(
            WrongAnswer(
                2 * MIXTURE_ACTIVE,
                "Those are the active parameters. They say how much is computed for a token, not "
                "how much must be there.",
            ),
            WrongAnswer(
                "30.5 GB", "Those are the parameters. How many bytes does one take in bfloat16?"
            ),
            WrongAnswer(
                2 * (MIXTURE + MIXTURE_ACTIVE),
                "The active ones are among the total already: do not count them twice.",
            ),
            WrongAnswer(
                MIXTURE_IN_NF4,
                "That is the table's count for nf4: near, because the experts stay in 16 bits. "
                "In bfloat16 everything does.",
            ),
            WrongAnswer(MIXTURE / 2, "That is the rule for 4 bits. The question is of bfloat16."),
            WrongAnswer(4 * MIXTURE, 'That is "times 4", four bytes each. How many has bfloat16?'),
            WrongAnswer("61.06 GiB"),
        ),
        solution=lambda: (
            f"All experts have to be there: {MIXTURE:,} * 2 = {2 * MIXTURE:,} bytes, "
            f"{2 * MIXTURE / GB:.1f} GB.\nOnly {MIXTURE_ACTIVE:,} parameters work for one token. "
            "That makes it fast, not small."
        ),
        right=(2 * MIXTURE, "61 GB", "56.87 GiB"),
    ),
    Exercise(
        id="05.3",
        ask="From room in bytes, layers, heads of keys and values, and head size to the number of "
        "whole tokens whose cache fits, in 16 bits.",
        checker=FunctionChecker(
            (
                Case((GIB, 28, 4, 128), 18_724, "Qwen2.5-7B and one GiB"),
                Case((GIB, 30, 32, 128), 2_184, "a model whose heads share nothing"),
                Case((57_343, 28, 4, 128), 0, "one byte less than a token takes"),
                Case((0, 28, 4, 128), 0, "no room at all"),
            )
        ),
        hints=(
            "How many bytes does one token take? The lesson works it out for two models.",
            "A token leaves a key and a value in each layer, and a number of them takes 2 bytes.",
            "room // (2 * layers * kv_heads * head_size * …): which factor is missing?",
        ),
        wrong=(
            WrongAnswer(
                one_factor_forgotten,
                "Twice too many. There are two tensors, keys and values, and their numbers take "
                "two bytes each: one of these twos is missing.",
            ),
            WrongAnswer(
                both_factors_forgotten,
                "Four times too many: count keys and values, and two bytes for each number.",
            ),
            WrongAnswer(
                not_rounded, "A part of a token does not help. Return how many whole ones fit."
            ),
            WrongAnswer(
                bits_for_bytes, "Too few by the bits in a byte: 16 bits are how many bytes?"
            ),
            WrongAnswer(of_one_layer, "That is one layer. Each of them keeps keys and values."),
        ),
        solution=(
            "def tokens_that_fit(room, layers, kv_heads, head_size):\n"
            "    token = 2 * layers * kv_heads * head_size * 2\n"
            "    return room // token"
        ),
        right=(tokens_that_fit,),
    ),
)
