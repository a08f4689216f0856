"""Exercises of lesson 05, Do the memory math."""

from __future__ import annotations

from course_utils.exercises.checkers.number import Number
from course_utils.exercises.declared import Exercise, WrongAnswer
from course_utils.units import GB, GIB

FOURTEEN_BILLION = 14_770_033_664  # Qwen2.5-14B
MIXTURE, MIXTURE_ACTIVE = 30_532_122_624, 3_353_032_704  # Qwen3-30B-A3B, as the lesson prints them
T4_GIB, FREE_GIB = 14.56, 2


EXERCISES = (
    Exercise(
        id="05.1",
        ask="14,770,033,664 parameters in bfloat16: how many GiB of a GPU do the weights take?",
        checker=Number(2 * FOURTEEN_BILLION / GIB, unit="GiB", tolerance=0.005),
        hints=(
            "First the bytes. How many does one parameter take in bfloat16?",
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
            "The lesson prints two counts for this model. Which of them has to be in memory?",
            "The next word may go through other experts than this one. Where must they be?",
            "All of its parameters, each in two bytes.",
        ),
        wrong=(
            WrongAnswer(
                2 * MIXTURE_ACTIVE,
                "Those are the active parameters. They say how much is computed for a word, not "
                "how much must be there.",
            ),
            WrongAnswer(
                "30.5 GB", "Those are the parameters. How many bytes does one take in bfloat16?"
            ),
            WrongAnswer(
                2 * (MIXTURE + MIXTURE_ACTIVE),
                "The active ones are among the total already: do not count them twice.",
            ),
            WrongAnswer(MIXTURE / 2, "That is half a byte each. How many bytes has bfloat16?"),
            WrongAnswer(4 * MIXTURE, 'That is "times 4", four bytes each. How many has bfloat16?'),
            WrongAnswer("61.06 GiB"),
        ),
        solution=lambda: (
            f"All experts have to be there: {MIXTURE:,} * 2 = {2 * MIXTURE:,} bytes, "
            f"{2 * MIXTURE / GB:.1f} GB.\nOnly {MIXTURE_ACTIVE:,} parameters work for one word. "
            "That makes it fast, not small."
        ),
        right=(2 * MIXTURE, "61 GB", "56.87 GiB"),
    ),
    Exercise(
        id="05.3",
        ask="A T4 of 14.56 GiB, 2 GiB of it kept free: how many parameters at most, in 16 bits?",
        checker=Number((T4_GIB - FREE_GIB) * GIB / 2),
        hints=(
            "How many GiB are left for weights? And how many bytes is that?",
            "How many bytes does one parameter take in 16 bits?",
            "(14.56 - 2) * 2**30, divided by the bytes that one parameter takes.",
        ),
        wrong=(
            WrongAnswer(
                T4_GIB * GIB / 2, "Those fill the whole card. Something of it is to be kept free."
            ),
            WrongAnswer(
                (T4_GIB - FREE_GIB) * GB / 2,
                "That takes a GiB for a GB. torch counts a GPU's memory in GiB, each 2**30 bytes.",
            ),
            WrongAnswer(
                (16 - FREE_GIB) * GIB / 2,
                "That begins with what the box says. How much does torch see?",
            ),
            WrongAnswer(
                (T4_GIB - FREE_GIB) * GIB,
                "Those are the bytes that are left. How many of them does a parameter take?",
            ),
            WrongAnswer(
                (T4_GIB - FREE_GIB) * GIB / 4,
                "That is four bytes for each, as in float32. How many are 16 bits?",
            ),
        ),
        solution=lambda: (
            f"(14.56 - 2) * 2**30 / 2 = {(T4_GIB - FREE_GIB) * GIB / 2:,.0f} parameters.\n"
            "Most models that are called 7B have more, our Qwen2.5-7B among them."
        ),
        right=("6.74 billion", "6.7B", lambda: (14.56 - 2) * 2**30 / 2),
    ),
)
