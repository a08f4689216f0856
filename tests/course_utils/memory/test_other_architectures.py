"""Kinds of models that the catalogue does not have, and models that are loaded already."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers

import course_utils as cu
from tests.support import ground_truth

CONTEXT, BATCH = 24, 2
WAYS = ((None, None), ("float32", None), ("bfloat16", "int8"), (None, "nf4"), (None, "nf4-double"))
DECODER = {
    "vocab_size": 256,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "eos_token_id": 1,
}
# Kinds of transformers that no model of the catalogue has, taken when the engine was done.
OTHER_KINDS = {
    "cohere2": {"architectures": ["Cohere2ForCausalLM"], **DECODER, "sliding_window": 8},
    "glm4": {"architectures": ["Glm4ForCausalLM"], **DECODER, "head_dim": 32},
    "persimmon": {"architectures": ["PersimmonForCausalLM"], **DECODER},
    "m2m_100": {
        "architectures": ["M2M100ForConditionalGeneration"],
        "vocab_size": 256,
        "d_model": 128,
        **{f"{part}_layers": 2 for part in ("encoder", "decoder")},
        **{f"{part}_ffn_dim": 256 for part in ("encoder", "decoder")},
        **{f"{part}_attention_heads": 4 for part in ("encoder", "decoder")},
    },
    "electra": {"architectures": ["ElectraForMaskedLM"], **DECODER, "embedding_size": 64},
}


def save(fields: dict, folder: Path) -> type:
    cls = ground_truth.class_of(fields)
    ground_truth.save_random(ground_truth.config_of(fields), cls, folder)
    return cls


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_kinds_that_are_not_in_the_catalogue(kind, tmp_path):
    cls = save({"model_type": kind, "dtype": "bfloat16", **OTHER_KINDS[kind]}, tmp_path)
    for dtype, quantization in WAYS:
        model = ground_truth.load(cls, tmp_path, dtype, quantization)
        estimate = cu.estimate_memory(tmp_path, dtype, quantization, CONTEXT, BATCH)
        assert estimate.weights == ground_truth.resident_bytes(model), (dtype, quantization)
        assert estimate.weights_basis == "exact"
        if quantization is None and kind != "electra":
            real = ground_truth.cache_bytes(model, CONTEXT, BATCH)
            assert (estimate.kv_cache, estimate.kv_cache_prefill) == real, dtype


def test_a_config_and_a_loaded_model_are_models_too():
    model = transformers.AutoModelForCausalLM.from_pretrained("practice/tiny-chat")
    config = transformers.AutoConfig.from_pretrained("practice/tiny-chat")
    real = ground_truth.resident_bytes(model)
    assert cu.estimate_memory(model).weights == real
    assert cu.estimate_memory(config, "bfloat16").weights == real


def test_what_is_offloaded_is_not_counted_as_ram():
    model = transformers.AutoModelForCausalLM.from_pretrained(
        "practice/tiny-chat", device_map="auto", max_memory={"cpu": 2_000_000}
    )
    measured = cu.measure_memory(model)
    assert 0 < measured.by_device["cpu"] < 2_000_000
    assert set(measured.by_device) - {"cpu"}
