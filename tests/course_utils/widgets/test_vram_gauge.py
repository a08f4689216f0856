"""VRAMGauge: predicted beside measured, several GPUs, bad sizes, drivers that fail."""

from __future__ import annotations

import dataclasses
import gc
import sys
import types

import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache

import course_utils as cu
from course_utils.memory import Range
from tests.course_utils.widgets.samples import GIB, PNG, SEVEN
from tests.support.on_screen import panel_of, words_of


def test_a_planned_gauge_is_the_same_every_time(estimate):
    first, second = (cu.VRAMGauge(estimate, "T4") for _ in range(2))
    assert str(first) == str(second)
    assert "measured" not in str(first).rsplit("\n", 1)[0]
    assert first.picture() == second.picture()


def test_it_takes_a_repo_id_as_well(estimate):
    assert cu.VRAMGauge(SEVEN, "L4").bars[0].parts[0].bytes > estimate.weights


def test_measured_weights_are_drawn_solid_and_the_difference_is_told():
    model = torch.nn.Linear(4096, 4096)
    config = dataclasses.replace(
        cu.estimate_memory("practice/tiny-chat"), weights=4096 * 4096 * 4 + 4096 * 4
    )
    gauge = cu.VRAMGauge(config).measure(model)
    weights = next(part for part in gauge.bars[0].parts if part.key == "weights")
    assert weights.measured and weights.bytes == cu.measure_memory(model).weights
    assert gauge.difference.endswith("equal to the byte")
    gauge.predict(dataclasses.replace(config, weights=config.weights - 1024))
    assert "1.0 KiB more than predicted" in gauge.difference
    assert "1.0 KiB more than predicted" in words_of(panel_of(gauge))
    gauge.predict(None)
    assert gauge.difference == ""


def test_the_gauge_keeps_no_model_alive_and_says_when_it_is_gone(estimate):
    model = torch.nn.Linear(8, 8)
    gauge = cu.VRAMGauge(estimate).measure(model)
    del model
    gc.collect()
    gauge.refresh()
    assert "is gone" in str(gauge)
    assert {part.key for part in gauge.bars[0].parts if part.measured} == {"others"}


def test_a_live_cache_is_drawn_solid_and_held_against_the_prediction(hub):
    model = AutoModelForCausalLM.from_pretrained("practice/tiny-chat")
    gauge = cu.VRAMGauge(cu.estimate_memory(model, context=100)).measure(model)
    assert [part.measured for part in gauge.bars[0].parts if part.key == "cache"] == [False]
    cache = DynamicCache(config=model.config)
    model(torch.ones(1, 100, dtype=torch.long), cache=cache)
    gauge.measure(model, cache)
    (drawn,) = [part for part in gauge.bars[0].parts if part.key == "cache"]
    assert drawn.measured and drawn.bytes == cu.estimate_memory(model, context=100).kv_cache
    assert drawn.note == "100 tokens"
    assert gauge.cache_difference.endswith("equal to the byte")
    assert gauge.cache_difference in words_of(panel_of(gauge))
    model(torch.ones(1, 1, dtype=torch.long), cache=cache)
    gauge.refresh()
    assert "for 100 tokens and for 101" in str(gauge)
    del cache
    gc.collect()
    assert gauge.refresh().cache_difference == ""


def test_a_planned_gauge_measures_nothing(estimate):
    gauge = cu.VRAMGauge(estimate, "T4")
    with pytest.raises(cu.CourseError, match="plans for T4"):
        gauge.measure(torch.nn.Linear(2, 2))
    with pytest.raises(cu.CourseError, match="plans for T4"), gauge.watch():
        raise AssertionError("not reached")


def test_a_gpu_nobody_knows_is_refused_with_the_known_ones(estimate):
    with pytest.raises(cu.CourseError, match="Known: T4"):
        cu.VRAMGauge(estimate, "T400")


def two_gpus(held: int, most: list[int]) -> types.ModuleType:
    """The part of torch that is asked, as it answers on a machine with two T4."""
    fake = types.ModuleType("torch")
    properties = types.SimpleNamespace(name="Tesla T4", major=7, minor=5)
    fake.cuda = types.SimpleNamespace(
        is_available=lambda: True,
        get_device_properties=lambda index: properties,
        mem_get_info=lambda index: (10 * GIB, 14 * GIB),
        is_bf16_supported=lambda including_emulation: including_emulation,
        device_count=lambda: 2,
        memory_reserved=lambda index: held if index == 0 else 0,
        max_memory_allocated=lambda index: most[0] if index == 0 else 0,
    )
    return fake


def test_several_gpus_give_several_bars(monkeypatch, estimate):
    most = [2 * GIB]
    monkeypatch.setitem(sys.modules, "torch", two_gpus(3 * GIB, most))
    monkeypatch.setattr("course_utils.gpus.may_have_gpu", lambda: True)
    gauge = cu.VRAMGauge(estimate)
    first, second = gauge.bars
    assert [bar.name for bar in gauge.bars] == ["GPU 0, Tesla T4", "GPU 1, Tesla T4"]
    measured = {part.key: part.bytes for part in first.parts if part.measured}
    assert measured == {"others": GIB, "besides": 3 * GIB}
    assert {part.key: part.bytes for part in second.parts} == {"others": 4 * GIB}
    with gauge.watch("loading"):
        most[0] = 8 * GIB  # a peak that no sample can have seen
    assert [bar.peak for bar in gauge.bars] == [9 * GIB, 4 * GIB]


def test_weights_on_two_gpus_and_elsewhere(monkeypatch, estimate):
    monkeypatch.setitem(sys.modules, "torch", two_gpus(3 * GIB, [0]))
    monkeypatch.setattr("course_utils.gpus.may_have_gpu", lambda: True)
    by_device = {"cuda:0": 2 * GIB, "cuda:1": GIB, "cpu": 5 * GIB}
    measurement = cu.MemoryMeasurement("a model", 8 * GIB, by_device, 0)
    monkeypatch.setattr("course_utils.widgets.vram_gauge.measure_memory", lambda *_: measurement)
    model = torch.nn.Linear(2, 2)
    gauge = cu.VRAMGauge(estimate).measure(model)
    assert [
        next(part.bytes for part in bar.parts if part.key == "weights") for bar in gauge.bars
    ] == [2 * GIB, GIB]
    assert "5.0 GiB of weights lie on cpu" in str(gauge)


@pytest.mark.parametrize("count", [float("nan"), -1, 0.5, None])
def test_a_size_that_is_none_is_told_and_the_gauge_stays_usable(estimate, count):
    broken = dataclasses.replace(estimate, weights=count)
    gauge = cu.VRAMGauge(estimate, "T4")
    shown = panel_of(gauge)
    gauge.predict(broken)
    assert 'role="alert"' in panel_of(gauge) and "weights is" in panel_of(gauge)
    assert "cannot be drawn" in str(gauge)
    assert gauge.picture().startswith(PNG)
    assert panel_of(gauge.predict(estimate)) == shown


def test_totals_of_nothing(estimate):
    nothing = Range(0, 0, 0, "")
    empty = dataclasses.replace(
        estimate, weights=0, kv_cache=0, activations=nothing, runtime=nothing, total=nothing
    )
    assert "free" in str(cu.VRAMGauge(empty, "T4"))
    broken = dataclasses.replace(estimate, total=Range(0, float("nan"), 0, ""))
    assert "expected is nan" in str(cu.VRAMGauge(broken, "T4"))
    without = dataclasses.replace(cu.GPUS["T4"], memory=0)
    assert "no memory at all" in panel_of(cu.VRAMGauge(estimate, without))


def test_a_driver_that_fails_is_told(monkeypatch, estimate):
    gauge = cu.VRAMGauge(estimate)

    def fail(kind: str):
        raise RuntimeError("CUDA error: out of patience")

    monkeypatch.setattr("course_utils.widgets.vram_gauge.read", fail)
    button = gauge.widget.children[-1]
    button.click()
    assert "out of patience" in panel_of(gauge)
    with gauge.watch("loading"):
        pass
    assert "out of patience" in str(gauge)
