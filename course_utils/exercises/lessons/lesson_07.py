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
        ask="2.0 GB of a model lie on the disk. It writes 100 tokens, and each of them takes one "
        "pass through all layers. How many bytes are read from the file?",
        checker=Number(OFFLOADED * TOKENS, unit="bytes", tolerance=0.015),
        hints=(
            "There is no room to keep a layer that was fetched from the disk. After it was used, "
            "it is on `meta` again.",
            "So these bytes are read once for every token.",
            "Multiply what is read for one token by the number of tokens.",
        ),
        wrong=(
            WrongAnswer(
                OFFLOADED,
                "That is what one token needs. The model has no room to keep what it fetched, so "
                "it fetches it again for the next token.",
            ),
            WrongAnswer(
                0,
                "A layer on `meta` takes no memory, and nothing can be computed with it. Its bytes "
                "have to be read first.",
            ),
            WrongAnswer(lambda: 8 * OFFLOADED * TOKENS),
        ),
        solution=lambda: (
            f"{TOKENS} tokens * {OFFLOADED / 1e9} GB = {TOKENS * OFFLOADED / 1e9:.0f} GB.\n"
            f"A disk that reads {DISK / 1e9:.0f} GB a second needs "
            f"{TOKENS * OFFLOADED / DISK:.0f} s for that.\n"
            "If the system has RAM to spare, it keeps some of the file there, and the answer\n"
            "comes sooner."
        ),
        right=(200e9, "200 GB", "186.3 GiB", "198 GB"),
    ),
    Exercise(
        id="07.2",
        ask="How many decoder layers of Qwen2.5-7B stay off a GPU that may hold 10 GiB of it?",
        checker=Number(_layers_off_the_gpu, tolerance=0),
        hints=(
            "From the budget, subtract the embedding, and the room that is kept free for the head. "
            "How many layers of 0.43 GiB does the remainder hold?",
            "Now let the planner say it: give `plan_for` this budget, and show what it returns "
            "with `pd.Series(…)`.",
            "The layers that do not get onto the GPU are those that the plan puts on `cpu`.",
        ),
        wrong=(
            WrongAnswer(
                _with_the_budget_full,
                "That fills the budget to its brim. The planner keeps room for the largest piece "
                "that may have to come in, which is the head.",
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
            'plan_for({0: "10GiB", "cpu": "30GiB"}) puts\n'
            f"{_layers_on_the_gpu()} layers on 0 and {_layers_off_the_gpu()} on cpu."
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
            "A token passes through the layers one after the other. Half of them are on each GPU.",
            "So at any moment, how many of the two GPUs have something to compute?",
            "One of them. And what a layer hands to a layer on the other GPU has to travel there.",
        ),
        wrong=(
            WrongAnswer(
                "twice as fast",
                "That would need both GPUs to work at once. But the second half of the layers "
                "waits for what the first half hands on.",
            ),
            WrongAnswer(
                "faster",
                "For that, both GPUs would have to work at once, at least now and then. At any "
                "moment one of the two waits for the other.",
            ),
        ),
        solution=(
            '"slower or about as fast": layers run one after the other, and what they hand on has '
            "to travel\nfrom GPU to GPU. A second GPU gives you room this way, not speed.\n"
            "Programs made for serving models to many people cut each layer in two instead,\n"
            "and that is faster."
        ),
        right=("slower or about as fast", "About as fast.", "slower"),
    ),
)
