"""Estimates equal loaded tensors, to the byte. What is expected is added up from tensors alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import bitsandbytes
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.memory import estimate_memory, measure_memory
from course_utils.memory.assumptions import Assumptions
from course_utils.memory.by_headers import FAMILIES, exact_by_headers
from course_utils.memory.by_transformers import by_transformers
from course_utils.memory.checkpoint import read_checkpoint
from course_utils.memory.estimate import add_up
from course_utils.memory.quantization import QUANTIZATIONS
from practice_hub.catalogue import BUILT_IN
from tests.support.ground_truth import (
    cache_bytes,
    class_of,
    config_of,
    load,
    resident_bytes,
    save_random,
)
from tests.support.shrunken import shrink

CONTEXT, BATCH = 11, 2  # beyond the window of 8 that shrunken models slide
# One model of each family that the quick path vouches for, and what is built in other ways.
QUICK = {
    "llama": "meta-llama/Llama-3.2-3B-Instruct",
    "mistral": "mistralai/Mistral-7B-Instruct-v0.3",
    "qwen2": "Qwen/Qwen2.5-7B-Instruct",
    "qwen3": "Qwen/Qwen3-4B",
    "phi3": "microsoft/Phi-3.5-mini-instruct",
    "granite": "ibm-granite/granite-3.1-2b-instruct",
    "olmo2": "allenai/OLMo-2-1124-7B-Instruct",
    "stablelm": "stabilityai/stablelm-2-1_6b-chat",
    "smollm3": "HuggingFaceTB/SmolLM3-3B",
    "qwen3_moe": "Qwen/Qwen3-30B-A3B",
    "mixtral": "mistralai/Mixtral-8x7B-Instruct-v0.1",
    "starcoder2": "bigcode/starcoder2-3b",
    "gemma2": "google/gemma-2-2b-it",
    "gemma3_text": "google/gemma-3-1b-it",
    "gpt2": "openai-community/gpt2",
}
OTHERS = (
    "deepseek-ai/DeepSeek-V3",
    "openai/gpt-oss-20b",
    "google-t5/t5-small",
    "openai/whisper-tiny",
    "Helsinki-NLP/opus-mt-en-de",
    "facebook/bart-large-cnn",
    "facebook/nllb-200-distilled-600M",
    "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
    "openai/clip-vit-base-patch32",
    "facebook/wav2vec2-base-960h",
)
ARCHITECTURES = (*QUICK.values(), *OTHERS)
WITHOUT_CACHE = OTHERS[-3:]
WAYS = (
    ((None, None), ("float16", "int8"), ("bfloat16", "nf4-double")),
    ((None, None), ("float16", None), (None, "nf4"), ("float32", "fp4")),
)


@dataclass(frozen=True)
class Small:
    """A shrunken model: its config, its class, and a folder with a checkpoint of it."""

    config: Any
    cls: type
    folder: Path


def fields_of(repo_id: str) -> dict[str, Any]:
    path = BUILT_IN / f"{repo_id.replace('/', '--')}.json"
    return json.loads(path.read_text(encoding="utf-8"))["config"]


def shrunken(repo_id: str, folder: Path, **changes: Any) -> Small:
    fields = fields_of(repo_id)
    fields.pop("quantization_config", None)
    whole = config_of(fields).to_dict() | {"architectures": fields["architectures"]}
    small = shrink(whole) | changes
    config, cls = config_of(small), class_of(small)
    save_random(config, cls, folder)
    return Small(config, cls, folder)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Makes each shrunken model once: ``small(repo_id)``."""
    yield cache(lambda repo_id: shrunken(repo_id, tmp_path_factory.mktemp("model")))


# --- Weights -------------------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small tensors are slower with more, most of all beside other tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("repo_id", ARCHITECTURES)
def test_weights_to_the_byte(repo_id, small):
    model = small(repo_id)
    for dtype, quantization in WAYS[ARCHITECTURES.index(repo_id) % 2]:
        loaded = load(model.cls, model.folder, dtype, quantization)
        expected = resident_bytes(loaded)
        way = (dtype, quantization)
        for asked in (model.folder, model.config):
            estimate = estimate_memory(asked, dtype, quantization)
            assert (way, estimate.weights) == (way, expected)
            assert estimate.weights_basis == "exact"
        assert (way, measure_memory(loaded).weights) == (way, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_families_of_the_quick_path_are_proven(family, small):
    """What the test above found exact came by headers, and transformers says the same of it."""
    checkpoint = read_checkpoint(small(QUICK[family]).folder)
    for dtype, quantization in WAYS[0]:
        assumed = Assumptions(dtype, quantization)
        told = [exact_by_headers(checkpoint, dtype), by_transformers(checkpoint, dtype)]
        assert add_up(told[0], assumed) == add_up(told[1], assumed)


def test_a_classifiers_head_is_quantized_too(small):
    model = small("distilbert/distilbert-base-uncased-finetuned-sst-2-english")
    loaded = load(model.cls, model.folder, None, "nf4")
    assert isinstance(loaded.classifier, bitsandbytes.nn.Linear4bit)


def test_parameters_count_tied_weights_once(small):
    for repo_id in ARCHITECTURES:
        model = small(repo_id)
        parameters = load(model.cls, model.folder, None, None).num_parameters()
        assert estimate_memory(model.folder).parameters == parameters


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.sampled_from(sorted(QUANTIZATIONS)))
def test_a_linear_layer_of_any_shape(out_features, in_features, quantization):
    if quantization == "int8":
        layer = bitsandbytes.nn.Linear8bitLt(
            in_features, out_features, bias=False, has_fp16_weights=False
        )
    else:
        layer = bitsandbytes.nn.Linear4bit(
            in_features,
            out_features,
            bias=False,
            quant_type=quantization[:3],
            compress_statistics=quantization.endswith("double"),
        )
    with torch.no_grad():
        layer.weight.data.normal_()
    loaded = resident_bytes(layer.to("cpu"))
    assert QUANTIZATIONS[quantization].bytes(out_features, in_features) == loaded


# --- The cache -----------------------------------------------------------------------------------


@pytest.mark.parametrize("repo_id", [name for name in ARCHITECTURES if name not in WITHOUT_CACHE])
def test_cache_to_the_byte(repo_id, small):
    model = small(repo_id)
    for dtype in ("float32", "bfloat16"):
        loaded = load(model.cls, model.folder, dtype, None)
        for asked in (model.folder, model.config, loaded):
            estimate = estimate_memory(asked, dtype, None, CONTEXT, BATCH)
            found = estimate.kv_cache, estimate.kv_cache_prefill
            assert found == cache_bytes(loaded, CONTEXT, BATCH)
            assert found[0] > 0


def test_sliding_layers_hold_the_whole_prompt_until_a_token_is_decoded(small):
    estimate = estimate_memory(small(QUICK["gemma3_text"]).folder, context=CONTEXT)
    assert estimate.kv_cache < estimate.kv_cache_prefill


@pytest.mark.parametrize("repo_id", WITHOUT_CACHE)
def test_no_cache_where_nothing_is_generated(repo_id, small):
    estimate = estimate_memory(small(repo_id).config)
    assert (estimate.kv_cache, estimate.kv_cache_prefill) == (0, 0)


def test_a_quantized_model_keeps_its_cache_in_the_dtype_of_the_rest(small):
    model = small(QUICK["qwen2"])
    loaded = load(model.cls, model.folder, "bfloat16", None)
    for quantization in QUANTIZATIONS:
        estimate = estimate_memory(model.folder, "bfloat16", quantization, CONTEXT, BATCH)
        assert estimate.kv_cache == cache_bytes(loaded, CONTEXT, BATCH)[0]
