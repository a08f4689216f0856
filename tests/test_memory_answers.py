"""What estimate_memory says around its numbers: kinds it never saw, ranges, refusals, haste."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import transformers

import course_utils as cu
from benchmarks import ground_truth
from benchmarks.shrunken import shrink
from practice_hub.described import BUILT_IN

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


def catalogue_fields(repo_id: str) -> dict:
    path = BUILT_IN / f"{repo_id.replace('/', '--')}.json"
    return json.loads(path.read_text(encoding="utf-8"))["config"]


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


def test_the_quick_path_imports_no_torch(hub, run_python):
    code = """
import sys
import huggingface_hub
from course_utils.memory import quick_estimate
estimate = quick_estimate("Qwen/Qwen2.5-7B-Instruct", quantization="nf4")
heavy = "torch" in sys.modules or "transformers" in sys.modules
print(estimate.weights, estimate.weights_basis, heavy)
"""
    weights, basis, heavy = run_python(code, HF_ENDPOINT=hub.url).stdout.split()
    assert (basis, heavy) == ("exact", "False")
    config = ground_truth.config_of(catalogue_fields("Qwen/Qwen2.5-7B-Instruct"))
    assert int(weights) == cu.estimate_memory(config, None, "nf4").weights


@pytest.mark.parametrize("size", ["8B", "70B"])
@pytest.mark.parametrize(
    ("dtype", "quantization"), [(None, None), ("float16", "int8"), (None, "nf4-double")]
)
def test_a_gated_model_is_a_range_that_holds_the_truth(size, dtype, quantization):
    repo_id = f"meta-llama/Llama-3.1-{size}-Instruct"
    config = ground_truth.config_of(catalogue_fields(repo_id))
    truth = cu.estimate_memory(config, dtype, quantization)
    outside = cu.estimate_memory(repo_id, dtype, quantization)
    low, high = outside.weights_range
    assert outside.weights_basis == "range"
    assert low <= truth.weights <= high
    assert outside.parameters == truth.parameters
    assert "between" in str(outside)


def test_experts_count_in_full_and_for_one_token():
    mixtral = cu.estimate_memory("mistralai/Mixtral-8x7B-Instruct-v0.1")
    assert mixtral.parameters == 46_702_792_704
    assert 12.8e9 < mixtral.active_parameters < 13.0e9
    assert cu.estimate_memory("Qwen/Qwen2.5-0.5B-Instruct").active_parameters is None


def test_ranges_are_in_order_and_say_what_they_rest_on():
    estimate = cu.estimate_memory("Qwen/Qwen2.5-7B-Instruct", "float16", context=8192, batch=2)
    for part in (estimate.activations, estimate.runtime, estimate.total):
        assert 0 <= part.low <= part.expected <= part.high and part.basis
    assert estimate.total.low >= estimate.weights + estimate.kv_cache
    assert "8,192 tokens" in str(estimate) and "exact" in str(estimate)


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


CANNOT = [
    ("stabilityai/stable-diffusion-xl-base-1.0", "diffusers"),
    ("practice/custom-code-classifier", "code"),
]


@pytest.mark.parametrize(("repo_id", "words"), CANNOT)
def test_what_cannot_be_told_says_why(repo_id, words):
    with pytest.raises(cu.CannotTell) as raised:
        cu.estimate_memory(repo_id)
    assert words in str(raised.value)


BAD = [
    ({"context": 0}, "1 to"),
    ({"context": -1}, "1 to"),
    ({"context": True}, "whole number"),
    ({"context": 2.5}, "whole number"),
    ({"batch": 1_000_000}, "1 to 65,536"),
    ({"batch": "2"}, "whole number"),
    ({"dtype": "fp16"}, '"float16"'),
    ({"quantization": "int4"}, '"nf4"'),
]


@pytest.mark.parametrize(("options", "words"), BAD)
def test_bad_questions_are_answered_with_what_is_accepted(options, words):
    with pytest.raises(cu.CourseError) as raised:
        cu.estimate_memory("practice/tiny-chat", **options)
    assert words in str(raised.value)


@pytest.mark.parametrize("model", [3, None, b"x", torch.nn.Linear(2, 2), ["practice/tiny-chat"]])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(cu.CourseError, match="accepts a repo id"):
        cu.estimate_memory(model)


BROKEN = ["", "{", "[]", "{}", '{"model_type": "no-such-kind"}', '{"model_type": "llama"']


@pytest.mark.parametrize("config", BROKEN)
def test_broken_configs_are_told(config, tmp_path):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(cu.CourseError):
        cu.estimate_memory(tmp_path)


def test_headers_that_disagree_with_the_config_are_told(tmp_path):
    save(shrink(catalogue_fields("Qwen/Qwen2.5-0.5B-Instruct")), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 500}))
    with pytest.raises(cu.CourseError, match="config"):
        cu.estimate_memory(tmp_path)


def test_a_cut_header_is_told(tmp_path):
    save(shrink(catalogue_fields("Qwen/Qwen2.5-0.5B-Instruct")), tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(cu.CourseError):
        cu.estimate_memory(tmp_path)


@pytest.mark.parametrize("repo_id", ["practice/no-such-repo", "no repo id", "a/b/c", ""])
def test_missing_repos_are_told(repo_id):
    with pytest.raises(cu.CourseError):
        cu.estimate_memory(repo_id)
