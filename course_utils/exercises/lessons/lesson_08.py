"""Exercises of lesson 08, Quantize to 4 bits."""

from __future__ import annotations

from typing import Any

from course_utils.exercises.checkers.function import Case, FunctionChecker
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.declared import Exercise, WrongAnswer
from course_utils.memory.quantization import BLOCK, QUANTIZATIONS

SCALE = 4  # bytes of a float32

# Qwen2.5-14B: its parameters, and those in its 48 layers' linear parts (attention, then MLP).
PARAMETERS = 14_770_033_664
LINEAR = 48 * (2 * 5120 * 5120 + 2 * 5120 * 1024 + 3 * 5120 * 13824)


def nf4_bytes(weights: int) -> int:
    return weights // 2 + SCALE * (weights // BLOCK)


def settings(native_bf16: bool) -> dict[str, Any]:
    options = {**QUANTIZATIONS["nf4-double"].options}
    del options["load_in_4bit"]  # the exercise gives it
    return {**options, "bnb_4bit_compute_dtype": "bfloat16" if native_bf16 else "float16"}


def with_dtypes(native_bf16: bool) -> dict[str, Any]:
    import torch

    chosen = settings(native_bf16)
    return {**chosen, "bnb_4bit_compute_dtype": getattr(torch, chosen["bnb_4bit_compute_dtype"])}


def in_nf4() -> int:
    return nf4_bytes(LINEAR) + 2 * (PARAMETERS - LINEAR)


EXERCISES = (
    Exercise(
        id="08.1",
        ask="From a number of weights, a multiple of 64, to their bytes in nf4 with the scales.",
        checker=FunctionChecker(
            (
                Case((64,), nf4_bytes(64), "one block"),
                Case((256,), nf4_bytes(256), "the 256 weights of the lesson"),
                Case((4096 * 4096,), nf4_bytes(4096 * 4096)),
                Case((18944 * 3584,), nf4_bytes(18944 * 3584), "one matrix of a 7B"),
            ),
            unit="bytes",
        ),
        hints=(
            "Two parts: the indices and the scales. How many indices go into one byte?",
            "How many blocks are there? Each has one scale. The lesson says of which dtype.",
            "weights // 2 for the indices; for each of the weights // 64 blocks, one float32.",
        ),
        wrong=(
            WrongAnswer(
                lambda weights: weights // 2,
                "Those are the indices alone. Each block also keeps its scale.",
            ),
            WrongAnswer(
                lambda weights: weights // 2 + weights // BLOCK,
                "That gives each scale one byte, as if they were quantized too. They are float32.",
            ),
            WrongAnswer(
                lambda weights: weights // 2 + 2 * (weights // BLOCK),
                "That gives each scale 16 bits. They are float32.",
            ),
            WrongAnswer(
                lambda weights: weights // 2 + SCALE,
                "That is one scale for all of them. Each block has its own.",
            ),
            WrongAnswer(lambda weights: weights * 4.5),
        ),
        solution=(
            "def nf4_bytes(weights):\n"
            "    return weights // 2 + 4 * (weights // 64)\n"
            "which is 4.5 bits a weight: 4 for the index, 32 / 64 for its share of a scale."
        ),
        right=(nf4_bytes, lambda weights: weights * 4.5 / 8),
    ),
    Exercise(
        id="08.2",
        ask="From native_bf16 to the settings beside load_in_4bit=True: the better marks, the "
        "fewest bytes, the 16 bits that the GPU is good at.",
        checker=FunctionChecker(
            (
                Case((True,), settings(True), "a GPU that computes in bfloat16"),
                Case((False,), settings(False), "a T4"),
            )
        ),
        hints=(
            "Three keys. Which two of their values are the same for every GPU?",
            "Which marks missed the weights by least? And which setting makes the scales smaller?",
            'The compute dtype is text: "bfloat16" where the GPU is good at it, else "float16".',
        ),
        wrong=(
            WrongAnswer(
                lambda native_bf16: {**settings(True)},
                "A T4 is slow in bfloat16. native_bf16 tells you whether the GPU is good at it.",
            ),
            WrongAnswer(
                lambda native_bf16: {**settings(False)},
                "It runs everywhere, but where the GPU is good at bfloat16, that is safer.",
            ),
            WrongAnswer(
                lambda native_bf16: {**settings(not native_bf16)},
                "The other way round: bfloat16 is for the GPU that is good at it.",
            ),
            WrongAnswer(
                with_dtypes,
                "The config takes torch's dtypes too. Here they are asked for as text.",
            ),
            WrongAnswer(
                lambda native_bf16: {"load_in_4bit": True, **settings(native_bf16)},
                "load_in_4bit is written already. Return only what stands beside it.",
            ),
            WrongAnswer(
                lambda native_bf16: {**settings(native_bf16), "bnb_4bit_quant_type": "fp4"},
                "Those are the marks that did worse than evenly spaced ones.",
            ),
            WrongAnswer(
                lambda native_bf16: {**settings(native_bf16), "bnb_4bit_use_double_quant": False},
                "The scales can be made smaller, which cost nothing in the tests of this notebook.",
            ),
            WrongAnswer(
                lambda native_bf16: {**settings(True), "bnb_4bit_compute_dtype": "float32"},
                "That is the default, and it is slow on every GPU.",
            ),
        ),
        solution=(
            "def settings(native_bf16):\n"
            "    return {\n"
            '        "bnb_4bit_quant_type": "nf4",\n'
            '        "bnb_4bit_compute_dtype": "bfloat16" if native_bf16 else "float16",\n'
            '        "bnb_4bit_use_double_quant": True,\n'
            "    }"
        ),
        right=(settings,),
    ),
    Exercise(
        id="08.3",
        ask="Qwen2.5-14B: 14.77 billion parameters, 13.21 billion of them in linear layers that "
        "nf4 takes. How many bytes of weights in nf4?",
        checker=Number(in_nf4, unit="bytes"),
        hints=(
            "Two kinds of parameters, two prices. What does each cost in bits?",
            "The linear ones cost 4.5 bits each, scales included. The rest was not touched.",
            "13.21e9 * 4.5 / 8 for the one part. The rest, 14.77e9 - 13.21e9, at two bytes each.",
        ),
        wrong=(
            WrongAnswer(
                lambda: PARAMETERS / 2,
                "That is half a byte for each parameter, the sum of most calculators, or the "
                "linear layers alone. What is not quantized takes two bytes each.",
            ),
            WrongAnswer(
                lambda: PARAMETERS * 4.5 / 8,
                "That quantizes everything. The embedding and the head are not.",
            ),
            WrongAnswer(
                lambda: LINEAR / 2 + 2 * (PARAMETERS - LINEAR),
                "The scales are missing: a float32 for every 64 weights.",
            ),
            WrongAnswer(
                lambda: in_nf4() - 3 * LINEAR // BLOCK,
                "That is nf4 with double quantization. Here the scales are left whole.",
            ),
            WrongAnswer(lambda: f"{in_nf4() / 1e9:.2f} GiB"),
            WrongAnswer(lambda: 8 * in_nf4()),
        ),
        solution=lambda: (
            "13.21e9 * 4.5 / 8 = 7.43e9 bytes for the linear layers,\n"
            "(14.77e9 - 13.21e9) * 2 = 3.11e9 bytes for embedding, head and norms:\n"
            f"{in_nf4() / 1e9:.2f} GB together, {in_nf4() / 2**30:.2f} GiB."
        ),
        right=(in_nf4, lambda: f"{in_nf4() / 2**30:.2f} GiB", "10.5 GB"),
    ),
)
