"""measure_memory: every tensor once, wherever it lies, and what CUDA says beside it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    DynamicCache,
    EncoderDecoderCache,
    StaticCache,
)

import course_utils as cu
from course_utils.memory import measure
from course_utils.memory.live_cache import measure_cache
from course_utils.memory.quantization import QUANTIZATIONS
from tests.support.ground_truth import resident_bytes

CHAT = "practice/tiny-chat"


@pytest.fixture(autouse=True)
def practice_only(pytestconfig) -> None:
    if pytestconfig.getoption("--hub") == "real":
        pytest.skip("loads practice models")


def chat(quantization: str | None = None, **options: Any) -> torch.nn.Module:
    how = BitsAndBytesConfig(**QUANTIZATIONS[quantization].options) if quantization else None
    return AutoModelForCausalLM.from_pretrained(CHAT, quantization_config=how, **options)


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_scales_and_tables_are_counted(quantization, hub):
    model = chat(quantization)
    found = cu.measure_memory(model)
    assert found.weights == resident_bytes(model)
    assert found.weights - found.quantization_state == model.get_memory_footprint()
    assert found.quantization_state > 0


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_the_options_of_each_way_give_what_its_name_says(quantization, hub):
    layer = chat(quantization).model.layers[0].mlp.up_proj
    if quantization == "int8":
        assert layer.weight.dtype == torch.int8 and layer.weight.SCB is not None
        return
    state = layer.weight.quant_state
    assert (state.quant_type, state.nested) == (quantization[:3], quantization == "nf4-double")


@pytest.mark.parametrize("quantization", [None, "int8", "nf4", "nf4-double"])
def test_after_a_forward_it_is_what_is_there_then(quantization, hub):
    """bitsandbytes repacks on some CPUs, and moves what it keeps of int8."""
    model = chat(quantization, dtype=torch.float16)
    with torch.no_grad():
        model(input_ids=torch.ones(1, 4, dtype=torch.long))
    assert cu.measure_memory(model).weights == resident_bytes(model)


def test_what_lies_on_disk_is_told_apart(hub, tmp_path):
    places = {"model.embed_tokens": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu"}
    places |= {"lm_head": "cpu", "model.layers": "disk"}
    spread = cu.measure_memory(chat(device_map=places, offload_folder=tmp_path))
    whole = cu.measure_memory(chat())
    assert set(spread.by_device) == {"cpu", "disk"}
    assert spread.weights == spread.by_device["cpu"] < whole.weights
    assert sum(spread.by_device.values()) == whole.weights


def test_tensors_without_memory_are_no_weights():
    with torch.device("meta"):
        layer = torch.nn.Linear(1000, 1000)
    found = cu.measure_memory(layer)
    assert (found.weights, found.by_device) == (0, {"meta": 4 * (1000 * 1000 + 1000)})


def test_a_tensor_is_counted_once_and_with_its_whole_storage():
    model = torch.nn.Module()
    shared = torch.zeros(100)
    model.first, model.again = torch.nn.Parameter(shared), torch.nn.Parameter(shared)
    model.register_buffer("slice", torch.zeros(50, 4)[:, :1], persistent=False)
    assert cu.measure_memory(model).weights == 100 * 4 + 50 * 4 * 4


def test_on_cuda_the_gaps_have_names(monkeypatch):
    """There is no GPU here: the driver's answers are given, the arithmetic and words are held."""
    gib = 2**30
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda gpu: (3 - gpu) * gib)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda gpu: 4 * gib)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda gpu: (11 * gib, 16 * gib))
    on_gpu = cu.MemoryMeasurement("Model", 4 * gib, {"cuda:0": 3 * gib, "cuda:1": gib}, 0)
    found = measure.with_cuda(on_gpu)
    assert (found.allocated, found.reserved, found.driver_used) == (5 * gib, 8 * gib, 10 * gib)
    for gap in ("1.0 GiB allocated beyond", "3.0 GiB reserved and empty", "2.0 GiB beyond PyTorch"):
        assert gap in str(found)


@pytest.mark.parametrize("make", [DynamicCache, partial(StaticCache, max_cache_len=64)])
def test_a_live_cache_is_measured_beside_the_model(hub, make):
    model = chat()
    cache = make(config=model.config)
    assert cu.measure_memory(model, cache).kv_cache == 0
    model(torch.ones(2, 40, dtype=torch.long), cache=cache)
    found = cu.measure_memory(model, cache)
    held = 64 if isinstance(cache, StaticCache) else 40
    assert found.kv_cache == cu.estimate_memory(model, context=held, batch=2).kv_cache
    assert found.cache_tokens == 40 and found.cache_by_device == {"cpu": found.kv_cache}
    assert found.weights == cu.measure_memory(model).weights
    assert f"{found.kv_cache:,} bytes" in str(found) and "40 tokens" in str(found)
    assert cu.measure_memory(model).kv_cache is None


def test_both_halves_of_a_cache_are_counted_and_a_shared_storage_once():
    first, second = DynamicCache(), DynamicCache()
    keys = torch.zeros(1, 2, 8, 4)
    first.update(keys, keys, 0)
    second.update(keys, keys, 0)
    second.layers[0].values = second.layers[0].keys
    found = measure_cache(EncoderDecoderCache(first, second))
    assert sum(found.keys_and_values.values()) == 3 * keys.nbytes
    assert not found.states


@pytest.mark.parametrize("cache", [3, [], "cache", torch.zeros(3)])
def test_only_a_cache_can_be_measured(cache):
    with pytest.raises(cu.CourseError, match="A cache of transformers is wanted"):
        cu.measure_memory(torch.nn.Linear(2, 2), cache)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu(hub):
    found = cu.measure_memory(chat("nf4", device_map={"": 0}))
    assert found.weights <= found.allocated <= found.reserved <= found.driver_used


@pytest.mark.parametrize("model", [None, "practice/tiny-chat", {}, torch.zeros(3)])
def test_only_models_can_be_measured(model):
    with pytest.raises(cu.CourseError, match="accepts a loaded model"):
        cu.measure_memory(model)
