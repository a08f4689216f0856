"""Exercises of lesson 09, Make room for the context."""

from __future__ import annotations

from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.declared import Exercise, WrongAnswer
from course_utils.units import GIB

TOKEN = 57_344  # bytes that a token leaves in Qwen2.5-7B's cache, as the lesson prints them
SEQUENCES, LENGTH = 4, 4_096
CACHE_MIB = TOKEN * SEQUENCES * LENGTH / 2**20
LAYERS = 28


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
        id="09.1",
        ask="From room in bytes, layers, key-value heads and head size to the number of whole "
        "tokens whose cache fits, in 16 bits.",
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
    Exercise(
        id="09.2",
        ask="Qwen2.5-7B, four threads of 4,096 tokens each, in 16 bits: how many MiB is the cache?",
        checker=Number(CACHE_MIB, unit="MiB"),
        hints=(
            "The first table of the lesson says how many bytes one token takes in this model.",
            "Each thread keeps its own tokens. How many are there in all?",
            "Bytes a token, times tokens of a thread, times threads, divided by 2**20.",
        ),
        wrong=(
            WrongAnswer(CACHE_MIB / SEQUENCES, "That is one thread. Each has a cache of its own."),
            WrongAnswer(CACHE_MIB / 2, "Half of it: there are keys, and there are values."),
            WrongAnswer(CACHE_MIB / LAYERS, "That is one layer. Each of them keeps a cache."),
            WrongAnswer(
                CACHE_MIB * 7,
                "That counts all attention heads. How many key-value heads are there?",
            ),
            WrongAnswer(CACHE_MIB * 2, "That is twice as much: how many bytes are 16 bits?"),
            WrongAnswer(TOKEN * SEQUENCES * LENGTH / 10**6),
        ),
        solution=lambda: (
            f"{TOKEN:,} * {LENGTH:,} * {SEQUENCES} = {TOKEN * LENGTH * SEQUENCES:,} bytes, and "
            f"divided by 2**20 that is {CACHE_MIB:.0f} MiB."
        ),
        right=(896, "0.875 GiB", "939.5 MB", "939,524,096 bytes"),
    ),
    Exercise(
        id="09.3",
        ask="On a T4, from a prompt of 2,048 tokens to one of 8,192: how many times as much memory "
        "do the scores take?",
        checker=Number(16, tolerance=0.02),
        hints=(
            "How many times as many tokens are there?",
            "There is a score for every pair of tokens. How many pairs do n tokens make?",
            "Pairs grow with the square of the tokens: take the first hint's number times itself.",
        ),
        wrong=(
            WrongAnswer(
                4,
                "So grows the KV cache, which keeps something for each token. There is a score for "
                "each pair of them.",
            ),
            WrongAnswer(8, "That is twice the growth in tokens. Pairs grow with its square."),
            WrongAnswer(64, "That is the cube. A pair has two members."),
            WrongAnswer(6_144, "Those are the tokens that were added. How do pairs grow?"),
        ),
        solution=lambda: (
            f"8,192 / 2,048 = {8_192 // 2_048}, and {8_192 // 2_048}**2 = {(8_192 // 2_048) ** 2}."
        ),
        right=(16, "16", lambda: (8_192 / 2_048) ** 2),
    ),
)
