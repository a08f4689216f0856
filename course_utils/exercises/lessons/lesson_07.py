"""Exercises of lesson 07, Place it with device_map."""

from __future__ import annotations

from functools import cache
from typing import Any

from course_utils.exercises.checkers.choice import Choice
from course_utils.exercises.checkers.number import Number
from course_utils.exercises.declared import Exercise, WrongAnswer

OFFLOADED = 2 * 10**9
TOKENS = 100
DISK = 2 * 10**9  # bytes a second
MODEL = "Qwen/Qwen2.5-7B-Instruct"
GPU_BUDGET = 10 * 2**30


@cache
def _shapes() -> Any:
    """The 7B on the meta device: shapes, no weights. Asks the Hub in use for its config."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(MODEL)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)


@cache
def _plan() -> dict[str, int | str]:
    from accelerate import infer_auto_device_map

    budget = {0: GPU_BUDGET, "cpu": 30 * 2**30}
    plan: dict[str, int | str] = infer_auto_device_map(
        _shapes(), max_memory=budget, no_split_module_classes=["Qwen2DecoderLayer"]
    )
    return plan


def _layers_off_the_gpu() -> int:
    return sum(place != 0 for name, place in _plan().items() if name.startswith("model.layers."))


def _layers_on_the_gpu() -> int:
    return len(_shapes().model.layers) - _layers_off_the_gpu()


def _names_off_the_gpu() -> int:
    return sum(place != 0 for place in _plan().values())


def _with_the_budget_full() -> int:
    """Layers left over if the budget were filled to its brim."""
    sizes = [
        sum(weight.nbytes for weight in layer.parameters()) for layer in _shapes().model.layers
    ]
    budget_of_layers = GPU_BUDGET - _shapes().model.embed_tokens.weight.nbytes
    return int(len(sizes) - budget_of_layers // sizes[0])


EXERCISES = (
    Exercise(
        id="07.1",
        ask="2.0 GB of a model lie on the disk; it writes 100 tokens, one pass through all layers "
        "each. How many bytes are read from the disk file for them?",
        checker=Number(OFFLOADED * TOKENS, unit="bytes", tolerance=0.015),
        hints=(
            "A layer on the disk is on `meta` again after it was used.",
            "So its bytes are read in every pass, not once.",
            "Multiply what is read in one pass by the number of passes.",
        ),
        wrong=(
            WrongAnswer(
                OFFLOADED,
                "That is one pass. The model has no room to keep what it fetched, so it fetches "
                "it again for the next token.",
            ),
            WrongAnswer(0, "Nothing but `meta` is in memory there. The bytes must come in."),
            WrongAnswer(lambda: 8 * OFFLOADED * TOKENS),
        ),
        solution=lambda: (
            f"{TOKENS} passes * {OFFLOADED / 1e9} GB = {TOKENS * OFFLOADED / 1e9:.0f} GB. "
            f"A disk that reads {DISK / 1e9:.0f} GB a second is\nbusy for "
            f"{TOKENS * OFFLOADED / DISK:.0f} s, a second a token. The system's cache may answer "
            "some of the reads."
        ),
        right=(200e9, "200 GB", "186.3 GiB", "198 GB"),
    ),
    Exercise(
        id="07.2",
        ask="How many decoder layers of Qwen2.5-7B stay off a GPU that may hold 10 GiB of it?",
        checker=Number(_layers_off_the_gpu, tolerance=0),
        hints=(
            "Change `pretended` in the cell above to a tuple with this one budget, and run it.",
            "The planner keeps room for the largest piece that may have to come in. Here that is "
            "the output head, larger than any layer.",
            "Read the count of the layers that the printed line gives for the RAM.",
        ),
        wrong=(
            WrongAnswer(
                _with_the_budget_full,
                "That fills the budget to its brim. The planner keeps room for a piece that has "
                "to come in.",
            ),
            WrongAnswer(
                _layers_on_the_gpu,
                "Those are the ones that do get onto the GPU. The others were asked for.",
            ),
            WrongAnswer(
                _names_off_the_gpu,
                "That counts every name in the plan, norm and head included. Only the layers were "
                "asked for.",
            ),
        ),
        solution=lambda: (
            f'With pretended in ({{0: "10GiB", "cpu": "30GiB"}},) the cell counts\n'
            f'{_layers_on_the_gpu()} layers on 0 and {_layers_off_the_gpu()} on "cpu".'
        ),
        right=(_layers_off_the_gpu, lambda: str(_layers_off_the_gpu())),
    ),
    Exercise(
        id="07.3",
        ask='A model fills one large GPU. Split over two smaller ones with device_map="auto", and '
        'answering one question at a time, is it "faster", "slower or about as fast", or '
        '"twice as fast"?',
        checker=Choice(
            {
                "slower or about as fast": (
                    "slower",
                    "about as fast",
                    "about the same",
                    "as fast",
                    "equally fast",
                    "same",
                    "the same",
                    "same speed",
                    "the same speed",
                    "not faster",
                ),
                "faster": ("somewhat faster",),
                "twice as fast": ("twice", "2x", "double"),
            },
            answer="slower or about as fast",
        ),
        hints=(
            "Think of the layers as stations on one line, and of the token as the train.",
            "How many of the two GPUs compute at any moment?",
            "Nothing runs side by side, and between two stations on different GPUs lies a trip.",
        ),
        wrong=(
            WrongAnswer(
                "twice as fast",
                "That would need both to work at once. The second half of the layers waits for "
                "what the first half gives it.",
            ),
            WrongAnswer(
                "faster",
                "Where would the gain come from? At any moment one of the two waits.",
            ),
        ),
        solution=(
            '"slower or about as fast": layers run one after the other, and what they hand on has '
            "to travel\nfrom GPU to GPU. A split buys room. Speed takes tensor parallelism, as "
            "serving engines do it."
        ),
        right=("slower or about as fast", "About as fast.", "slower"),
    ),
)
