"""Activations: the largest moment of generate, against the storages of models that run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

import course_utils as cu
from benchmarks.published import figures
from course_utils.memory import allocator
from course_utils.memory.activations import activations, beyond_tensors, runtime
from course_utils.memory.assumptions import Assumptions
from course_utils.memory.by_transformers import by_transformers
from course_utils.memory.checkpoint import read_checkpoint
from course_utils.memory.ranges import NOTHING
from course_utils.memory.weights import storages, weight_bytes
from tests.support.catalogue import fields_of
from tests.support.storages import peak_of_prefill

TOKENS, MANY = 1024, 4096  # without a mask for a window; more than the experts' own copies
MIB = 2**20
# Gated, with normed queries, not gated, in one matrix, written out in Python, with biases, experts.
BUILT = {
    "meta-llama/Llama-3.1-8B-Instruct": (0.99, 1.02),
    "Qwen/Qwen2.5-0.5B-Instruct": (0.99, 1.02),
    "Qwen/Qwen3-4B": (0.99, 1.02),
    "mistralai/Mistral-7B-Instruct-v0.3": (0.99, 1.02),
    "ibm-granite/granite-3.1-2b-instruct": (0.99, 1.02),
    "EleutherAI/pythia-1.4b": (0.99, 1.02),
    "facebook/opt-1.3b": (0.99, 1.02),
    "bigcode/starcoder2-3b": (0.99, 1.02),
    "microsoft/Phi-3-mini-4k-instruct": (0.94, 1.02),
    "openai-community/gpt2-large": (0.90, 1.02),
    "allenai/OLMo-2-1124-7B-Instruct": (0.99, 1.10),
    "google/gemma-3-1b-it": (0.93, 1.02),
    "mistralai/Mixtral-8x7B-Instruct-v0.1": (0.99, 1.02),
    "Qwen/Qwen3-30B-A3B": (0.99, 1.02),
    "deepseek-ai/DeepSeek-V2-Lite-Chat": (0.99, 1.02),
    "deepseek-ai/DeepSeek-V3": (0.98, 1.02),
}


def config(repo_id: str, **changes: Any) -> Any:
    fields = {**fields_of(repo_id), **changes}
    fields.pop("quantization_config", None)
    return CONFIG_MAPPING[fields["model_type"]].from_dict(fields)


def shallow(repo_id: str, **changes: Any) -> Any:
    """Two layers at full width, the second with experts where there are any."""
    found = config(repo_id, **changes)
    if hasattr(found, "first_k_dense_replace"):
        found.first_k_dense_replace = 1
    found.num_hidden_layers = 2
    if getattr(found, "layer_types", None):
        found.layer_types = found.layer_types[:2]
    return found


@pytest.mark.parametrize("repo_id", BUILT)
def test_reading_a_prompt_holds_what_was_estimated(repo_id):
    small = shallow(repo_id)
    inventory = by_transformers(read_checkpoint(small), "bfloat16")
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(small, dtype=torch.bfloat16).eval()
    tokens = MANY if inventory.experts else TOKENS
    peak, cache = peak_of_prefill(model, tokens)
    told = activations(inventory, Assumptions(context=tokens), NOTHING)
    low, high = BUILT[repo_id]
    assert low < told.expected / (peak - cache) < high
    assert told.low <= told.expected < told.high


def test_the_storages_of_a_cpu_are_those_of_the_meta_device():
    tiny = shallow("Qwen/Qwen2.5-0.5B-Instruct", vocab_size=64)
    peaks = []
    for device in ("cpu", "meta"):
        with torch.device(device):
            model = AutoModelForCausalLM.from_config(tiny, dtype=torch.bfloat16).eval()
        peaks.append(peak_of_prefill(model, 64))
    assert peaks[0] == peaks[1]


def told(model: Any, **assumed: Any) -> Any:
    how = Assumptions(**assumed)
    found = by_transformers(read_checkpoint(model), how.dtype)
    return activations(found, how, NOTHING)


def test_a_long_answer_is_in_the_cache_before_it_is_in_the_activations():
    """The prompt is read while the cache is small; what the answer adds is room for that moment."""
    llama = shallow("meta-llama/Llama-3.1-8B-Instruct")
    whole = [told(llama, context=4096 + answer, prompt=4096) for answer in (1, 1024, 2048)]
    totals = [
        cu.estimate_memory(llama, context=4096 + answer, prompt=4096).total.expected
        for answer in (1, 1024, 2048)
    ]
    assert whole[0].expected > whole[1].expected > whole[2].expected
    assert totals[0] == pytest.approx(totals[2], rel=1e-3)


def test_a_short_prompt_leaves_the_step_that_grows_the_cache():
    llama = config("meta-llama/Llama-3.1-8B-Instruct")
    one_layer = 2 * 8 * 128 * 2 * 100_000
    found = told(llama, context=100_000, prompt=1)
    assert found.expected == pytest.approx(one_layer, rel=0.01)
    assert found.low <= found.expected


def test_logits_of_every_token_are_a_note_and_not_in_high():
    small = config("Qwen/Qwen2.5-0.5B-Instruct")
    found = cu.estimate_memory(small, context=32_768)
    logits = 32_768 * 151_936 * 2
    assert found.activations.high < logits / 4
    (note,) = [one for one in found.notes if "logits of every token" in one]
    assert f"{logits / 2**30:.1f} GiB" in note


def test_a_matrix_of_four_bits_is_restored_and_one_of_eight_is_not():
    llama = config("meta-llama/Llama-3.1-8B-Instruct")
    matrix = 14_336 * 4096 * 2
    plain, four, eight = (
        told(llama, context=512, dtype="bfloat16", quantization=one)
        for one in (None, "nf4", "int8")
    )
    assert four.expected - plain.expected == matrix
    assert eight.expected - plain.expected == 512 * (9 - 6) * 14_336
    in_float16 = told(llama, context=512, dtype="float16", quantization="nf4")
    assert in_float16.high - four.high == matrix


def test_experts_of_a_token_are_copied_for_each_step():
    mixtral = config("mistralai/Mixtral-8x7B-Instruct-v0.1")
    chosen = 2 * 3 * 14_336 * 4096 * 2
    for batch in (1, 8):
        found = told(mixtral, context=16, batch=batch)
        assert found.expected == pytest.approx(batch * chosen, rel=0.01)


def test_a_vision_tower_is_a_note_with_a_range():
    vision = {"image_size": 336, "patch_size": 14, "hidden_size": 1024, "intermediate_size": 4096}
    vision["num_attention_heads"] = 16
    text = dict(fields_of("meta-llama/Llama-2-7b-chat-hf"), num_hidden_layers=2)
    text.pop("architectures")
    llava = CONFIG_MAPPING["llava"](text_config=text, vision_config=vision)
    llava.architectures = ["LlavaForConditionalGeneration"]
    notes = [one for one in cu.estimate_memory(llava).notes if "vision tower" in one]
    assert len(notes) == 1 and "336 × 336" in notes[0] and "27.0 MiB to 49.5 MiB" in notes[0]
    llama = cu.estimate_memory(config("meta-llama/Llama-3.1-8B-Instruct"))
    assert not any("vision tower" in one for one in llama.notes)


# --- The allocator -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        (9 * MIB, 0),
        (135 * MIB, MIB),  # Qwen2.5-14B's MLP: 1 MiB is not more than 1 MiB, and is not split off
        (43 * MIB + 1, MIB - 512),
        (10 * MIB + 1, 0),
        (86 * MIB, 0),
    ],
)
def test_what_is_left_of_a_segment_is_split_off_if_it_is_more_than_a_mib(size, kept):
    assert allocator.kept_in_own_segment(size) == kept


def test_small_tensors_share_segments():
    assert allocator.left_in_segments([8 * MIB, 8 * MIB]) == 4 * MIB
    assert allocator.left_in_segments([8 * MIB, 8 * MIB, 4 * MIB]) == 0
    assert allocator.left_in_segments([8 * MIB] * 3) == 16 * MIB
    assert allocator.left_in_segments([512] * 4096) == 0
    assert allocator.left_in_segments([11 * MIB, 512]) == MIB + 2 * MIB - 512


@pytest.mark.parametrize("quantization", [None, "int8", "nf4", "nf4-double"])
def test_storages_add_up_to_the_weights(quantization):
    tensors = by_transformers(
        read_checkpoint(shallow("Qwen/Qwen2.5-0.5B-Instruct")), "bfloat16"
    ).tensors
    assert sum(storages(tensors, quantization)) == weight_bytes(tensors, quantization)


def test_the_runtime_is_a_context_and_what_the_allocator_holds():
    inventory = by_transformers(read_checkpoint(config("Qwen/Qwen2.5-14B-Instruct")), "bfloat16")
    assumed = Assumptions()
    whole, beyond = runtime(inventory, assumed), beyond_tensors(inventory, assumed)
    one_by_one = beyond_tensors(inventory, assumed, reserved_at_once=False)
    assert one_by_one.expected - beyond.expected >= 3 * 48 * MIB
    assert beyond.low < beyond.expected < one_by_one.expected <= beyond.high
    assert whole.low - beyond.low == round(0.13 * 2**30)
    without_cache = replace(inventory, cache=replace(inventory.cache, layers=()))
    assert beyond_tensors(without_cache, assumed).high < beyond.high


# --- What others measured ------------------------------------------------------------------------


def test_published_figures_lie_where_they_were_said_to():
    found = list(figures())
    errors = sorted(abs(one.error) for one in found)
    widths = sorted(one.width for one in found)
    assert len(found) > 30 and not any(one.row["note"].startswith("[") for one in found)
    assert errors[len(found) // 2] <= 0.006 and errors[-1] <= 0.08
    assert sum(one.is_inside for one in found) >= 0.95 * len(found)
    assert widths[len(found) // 2] <= 0.086
