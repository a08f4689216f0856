"""The CUDA benchmark, as far as it can be held to account without a GPU: on shrunken models."""

from __future__ import annotations

import json

import pytest
import torch

import course_utils as cu
from benchmarks import cuda
from course_utils.memory import measure_memory, recorded
from tests.support import random_weights
from tests.support.catalogue import small_config_of

CONTEXTS = (4, 12)
KINDS = ("Qwen/Qwen2.5-7B-Instruct", "google/gemma-2-27b-it", "Qwen/Qwen3-30B-A3B")


def run(repo_id, dtype="bfloat16", quantization=None):
    return cuda.Load(
        repo_id, small_config_of(repo_id), dtype, quantization, "cpu", CONTEXTS
    ).run_safely()


@pytest.mark.parametrize("repo_id", KINDS)
@pytest.mark.parametrize("quantization", [None, "int8", "nf4-double"])
def test_random_weights_load_as_files_do(repo_id, quantization, tmp_path):
    dtype = "float16" if quantization == "int8" else "bfloat16"
    config = small_config_of(repo_id)
    options = random_weights.bits_and_bytes(quantization, dtype)
    made = random_weights.load_random(config, dtype, options, "cpu")
    kind, torch_dtype = type(made), getattr(torch, dtype)
    kind._from_config(config, dtype=torch_dtype).save_pretrained(tmp_path)
    loaded = kind.from_pretrained(tmp_path, dtype=torch_dtype, quantization_config=options)
    assert measure_memory(made).weights == measure_memory(loaded).weights
    assert shapes(made) == shapes(loaded)


def shapes(model):
    return {
        name: (tuple(tensor.shape), tensor.dtype)
        for name, tensor in model.state_dict().items()
        if "quant_state" not in name  # text about the scales, of a length that varies
    }


@pytest.mark.parametrize("repo_id", KINDS[1:])
def test_weights_and_cache_are_measured_beside_what_was_predicted(repo_id):
    found = run(repo_id, quantization="nf4-double")
    assert found["weights"] == found["weights_predicted"] > 0
    assert [one["context"] for one in found["contexts"]] == list(CONTEXTS)
    for one in found["contexts"]:
        assert one["cache"] == one["cache_predicted"] > 0
    summary = cuda.summary([found])
    assert summary["weights_exact"] == 1 and summary["caches_exact"] == 2
    json.dumps(found)


def test_what_it_writes_is_what_recorded_runs_shows(monkeypatch, tmp_path):
    monkeypatch.setattr(recorded, "RUNS", tmp_path)
    assert "no run on a CUDA GPU is recorded yet" in str(cu.recorded_runs(KINDS[0]))
    loads = [run(KINDS[0], quantization="nf4-double"), run(KINDS[0]), run(KINDS[1])]
    where = {"date": "2026-01-31", "gpu": "a GPU", "versions": {"torch": "9.9"}}
    (tmp_path / "one.json").write_text(json.dumps({**where, "loads": loads}), encoding="utf-8")
    shown = cu.recorded_runs(KINDS[0], quantization="nf4-double")
    assert [one.context for one in shown] == list(CONTEXTS)
    assert all(one.weights == loads[0]["weights"] and one.worked for one in shown)
    assert all(one.kv_cache == one.kv_cache_predicted for one in shown)
    for words in ("2026-01-31", "a GPU", "nf4-double", "to the byte", "torch 9.9"):
        assert words in str(shown) and words in shown._repr_html_()
    assert len(cu.recorded_runs(KINDS[0])) == 2 * len(shown)


def test_a_run_that_ran_out_of_memory_is_shown_as_one(monkeypatch, tmp_path):
    monkeypatch.setattr(random_weights.RandomTensor, "__getitem__", run_out)
    monkeypatch.setattr(recorded, "RUNS", tmp_path)
    report = {"date": "2026-01-31", "gpu": "a GPU", "versions": {}, "loads": [run(KINDS[0])]}
    (tmp_path / "one.json").write_text(json.dumps(report), encoding="utf-8")
    shown = cu.recorded_runs(KINDS[0])
    assert not any(one.worked for one in shown) and str(shown).count("out of memory") == 2


@pytest.mark.parametrize("quantization", [None, "nf4"])
def test_running_out_of_memory_is_a_result(monkeypatch, quantization):
    monkeypatch.setattr(random_weights.RandomTensor, "__getitem__", run_out)
    assert_out_of_memory(run(KINDS[0], quantization=quantization))


def test_running_out_of_memory_is_a_result_where_transformers_hides_it(monkeypatch):
    """While it quantizes, transformers turns the allocator's error into one of its own."""
    from transformers.integrations import bitsandbytes

    monkeypatch.setattr(bitsandbytes.Bnb4bitQuantize, "convert", run_out)
    assert_out_of_memory(run(KINDS[0], quantization="nf4"))


def run_out(*_, **__):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def assert_out_of_memory(found):
    assert "error" not in found
    assert found["weights"] is None
    assert all(one["out_of_memory"] for one in found["contexts"])


def test_any_other_failure_is_noted_and_does_not_end_the_run(monkeypatch):
    def fail(*_):
        raise ValueError("no such kernel")

    monkeypatch.setattr(cuda, "load_random", fail)
    found = run(KINDS[0])
    assert found["error"] == "ValueError: no such kernel"
    assert cuda.summary([found])["failed"] == 1


def test_it_covers_what_it_promises():
    counts = {shape: cuda.catalogue_config(shape) for shape in cuda.SHAPES}
    assert len(counts) >= 12
    assert {way[1] or way[0] for way in cuda.WAYS} == {
        "float16",
        "bfloat16",
        "int8",
        "fp4",
        "nf4",
        "nf4-double",
    }
    assert len(cuda.CONTEXTS) == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA GPU is here")
def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path):
    with pytest.raises(SystemExit, match="No CUDA GPU"):
        cuda.main(["--json", str(tmp_path / "results.json")])
    assert not list(tmp_path.iterdir())
