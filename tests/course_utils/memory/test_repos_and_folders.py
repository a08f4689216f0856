"""Repos and folders: headers, gates, packed checkpoints, and what is damaged or no model at all."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import course_utils as cu
from course_utils.memory.assumptions import Assumptions
from course_utils.memory.by_bounds import by_headers
from course_utils.memory.checkpoint import read_checkpoint
from course_utils.memory.estimate import add_up
from practice_hub.catalogue import BUILT_IN
from tests.support.catalogue import fields_of
from tests.support.ground_truth import class_of, config_of, load, resident_bytes, save_random
from tests.support.shrunken import shrink

CHAT = "practice/tiny-chat"
GATED = "practice/gated-chat"
WEIGHTS = "model.safetensors"


@pytest.fixture(autouse=True)
def practice_only(pytestconfig) -> None:
    if pytestconfig.getoption("--hub") == "real":
        pytest.skip("about the practice Hub's repos")


def checkpoint(repo_id: str, folder: Path, **changes: Any) -> Path:
    """A shrunken model of the catalogue, with random weights."""
    fields = fields_of(repo_id)
    fields.pop("quantization_config", None)
    whole = config_of(fields).to_dict() | {"architectures": fields["architectures"]}
    small = shrink(whole) | changes
    save_random(config_of(small), class_of(small), folder)
    return folder


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    fields = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps(fields), encoding="utf-8")


def loaded_bytes(folder: Path, dtype: str | None = None, quantization: str | None = None) -> int:
    fields = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return resident_bytes(load(class_of(fields), folder, dtype, quantization))


# --- The quick path ------------------------------------------------------------------------------


def test_a_cold_answer_imports_no_torch(hub, run_python):
    code = f"""
import sys, huggingface_hub, course_utils as cu
estimate = cu.estimate_memory("{CHAT}", quantization="nf4-double")
print(estimate.weights_basis, "torch" in sys.modules, "transformers" in sys.modules)
"""
    said = run_python(code, HF_ENDPOINT=hub.url).stdout.split()
    assert said == ["exact", "False", "False"]


def test_a_repo_is_as_large_as_what_is_loaded_from_it(hub):
    from transformers import AutoModelForCausalLM

    for repo_id in (CHAT, "practice/sharded-chat"):
        loaded = AutoModelForCausalLM.from_pretrained(repo_id)
        assert cu.estimate_memory(repo_id).weights == resident_bytes(loaded)
        assert cu.estimate_memory(loaded).weights == resident_bytes(loaded)


def test_headers_alone_say_stored_where_no_test_vouches(tmp_path):
    """What is left where transformers lacks a library that the model needs."""
    folder = checkpoint("google-t5/t5-small", tmp_path)
    exact, inventory = cu.estimate_memory(folder), by_headers(read_checkpoint(folder), None)
    rough = add_up(inventory, Assumptions())
    assert (exact.weights_basis, rough.weights_basis) == ("exact", "stored")
    assert rough.weights == pytest.approx(exact.weights, rel=0.02)
    quantized = add_up(inventory, Assumptions(quantization="nf4"))
    assert quantized.weights_basis == "range"
    low, high = quantized.weights_range
    assert low <= loaded_bytes(folder, None, "nf4") <= high


@pytest.mark.parametrize(
    ("missing", "changes"),
    [
        ("nothing", {}),
        ("head_dim", {"head_dim": 64}),
        ("bias", {"attention_bias": True}),
        ("depth", {"num_hidden_layers": 3}),
    ],
)
def test_the_quick_path_steps_back_from_a_question(missing, changes, tmp_path):
    """It vouches for what headers and config agree on, and leaves the rest to the full path."""
    from course_utils.memory.by_headers import exact_by_headers

    folder = checkpoint("meta-llama/Llama-3.2-3B-Instruct", tmp_path)
    change_config(folder, **changes)
    assert (exact_by_headers(read_checkpoint(folder), None) is not None) == (missing == "nothing")


# --- Behind a gate -------------------------------------------------------------------------------


def test_behind_a_gate_a_range_holds_the_truth(hub, visitor, monkeypatch):
    outside = cu.estimate_memory(GATED, quantization="nf4")
    token = visitor.create_token("test")
    visitor.agree(GATED)
    monkeypatch.setenv("HF_TOKEN", token)
    inside = cu.estimate_memory(GATED, quantization="nf4")
    assert (outside.weights_basis, inside.weights_basis) == ("range", "exact")
    low, high = outside.weights_range
    assert low <= inside.weights <= high
    assert "gate" in str(outside)
    assert token not in str(outside) + str(inside)


@pytest.mark.parametrize("quantization", [None, "int8", "nf4-double"])
def test_ranges_of_gated_models_hold_what_their_configs_give(quantization, hub):
    for path in sorted(BUILT_IN.glob("*.json")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        counted = (facts.get("safetensors") or {}).get("parameters")
        if not facts.get("gated") or not counted or not facts["config"].get("architectures"):
            continue
        outside = cu.estimate_memory(facts["id"], "bfloat16", quantization)
        truth = cu.estimate_memory(config_of(facts["config"]), "bfloat16", quantization)
        low, high = outside.weights_range
        assert low <= truth.weights <= high, facts["id"]
        assert outside.total.low <= truth.total.expected <= outside.total.high, facts["id"]


# --- Checkpoints that come quantized -------------------------------------------------------------


def pack_in_fp8(folder: Path) -> None:
    tensors = {}
    for name, tensor in load_file(folder / WEIGHTS).items():
        if tensor.dim() == 2 and name.endswith("_proj.weight"):
            blocks = [math.ceil(size / 128) for size in tensor.shape]
            tensors[f"{name}_scale_inv"] = torch.ones(blocks)
            tensor = tensor.to(torch.float8_e4m3fn)
        tensors[name] = tensor
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    how = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]}
    change_config(folder, quantization_config=how)


def pack_in_mxfp4(folder: Path) -> None:
    tensors = {}
    for name, tensor in load_file(folder / WEIGHTS).items():
        if name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            experts, inner, out = tensor.shape
            shape = experts, out, inner // 32
            tensors[f"{name}_blocks"] = torch.zeros(*shape, 16, dtype=torch.uint8)
            tensors[f"{name}_scales"] = torch.full(shape, 127, dtype=torch.uint8)
        else:
            tensors[name] = tensor
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    change_config(folder, quantization_config={"quant_method": "mxfp4"})


@pytest.mark.parametrize(
    ("repo_id", "pack", "changes"),
    [
        ("meta-llama/Llama-3.2-3B-Instruct", pack_in_fp8, {}),
        ("openai/gpt-oss-20b", pack_in_mxfp4, {"hidden_size": 704, "dtype": "bfloat16"}),
    ],
)
def test_packed_checkpoints_as_stored_and_as_loaded_here(repo_id, pack, changes, tmp_path):
    folder = checkpoint(repo_id, tmp_path, **changes)
    whole = resident = loaded_bytes(folder)
    pack(folder)
    resident = loaded_bytes(folder)
    estimate = cu.estimate_memory(folder)
    assert estimate.weights == resident
    header = (folder / WEIGHTS).stat().st_size
    assert estimate.stored == pytest.approx(header, rel=0.01)
    assert estimate.stored_as == pack.__name__.removeprefix("pack_in_")
    assert "stored as" in str(estimate)
    if resident == whole:  # there is no GPU here that could use it packed
        assert "unpacks" in str(estimate)
    with pytest.raises(ValueError, match="is quantized with"):
        loaded_bytes(folder, None, "nf4")
    assert "refuses bitsandbytes" in str(cu.estimate_memory(folder, quantization="nf4"))


@pytest.mark.parametrize("quantization", ["int8", "nf4-double"])
def test_what_bitsandbytes_packed_stays_packed(quantization, tmp_path):
    whole, packed = tmp_path / "whole", tmp_path / "packed"
    checkpoint("meta-llama/Llama-3.2-3B-Instruct", whole)
    fields = json.loads((whole / "config.json").read_text())
    load(class_of(fields), whole, None, quantization).save_pretrained(packed)
    estimate = cu.estimate_memory(packed)
    assert (estimate.weights, estimate.quantization) == (loaded_bytes(packed), quantization)


# --- A head that is tied and stored beside -------------------------------------------------------


@pytest.mark.parametrize("repo_id", ["Qwen/Qwen2.5-0.5B-Instruct", "google-t5/t5-small"])
@pytest.mark.parametrize("same", [True, False])
def test_a_tied_head_that_is_stored_twice(repo_id, same, tmp_path):
    folder = checkpoint(repo_id, tmp_path)
    tensors = load_file(folder / WEIGHTS)
    embedding = next(
        name for name in tensors if name.endswith(("embed_tokens.weight", "shared.weight"))
    )
    head = tensors[embedding].clone()
    tensors["lm_head.weight"] = head if same else head + 1
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    assert cu.estimate_memory(folder).weights == loaded_bytes(folder)


def test_where_two_heads_cannot_be_compared_it_says_so(hub):
    assert "Counted once" in str(cu.estimate_memory("Qwen/Qwen3-1.7B"))


# --- Mixtures of experts -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("repo_id", "billions"),  # as their makers publish them
    [
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", (46.7, 12.9)),
        ("Qwen/Qwen3-30B-A3B", (30.5, 3.3)),
        ("deepseek-ai/DeepSeek-V3", (671, 37)),
    ],
)
def test_a_mixture_of_experts_in_total_and_active(repo_id, billions, hub):
    estimate = cu.estimate_memory(repo_id)
    found = estimate.parameters / 1e9, estimate.active_parameters / 1e9
    assert found == pytest.approx(billions, rel=0.02)
    assert cu.estimate_memory(CHAT).active_parameters is None


# --- What is no model, or a damaged one ----------------------------------------------------------


def test_cannot_tell_and_why(hub, tmp_path):
    adapter, gguf = tmp_path / "adapter", tmp_path / "gguf"
    for folder, name in ((adapter, "adapter_config.json"), (gguf, "model-q4_k_m.gguf")):
        folder.mkdir()
        (folder / name).write_text("{}")
    cases = {
        "stabilityai/stable-diffusion-xl-base-1.0": "diffusers",
        "black-forest-labs/FLUX.1-dev": "diffusers",
        "practice/custom-code-classifier": "trust_remote_code",
        adapter: "base model",
        gguf: "GGUF",
        tmp_path: "config.json",
    }
    for model, words in cases.items():
        with pytest.raises(cu.CannotTell, match=words):
            cu.estimate_memory(model)


def test_remote_code_is_not_run(tmp_path):
    folder = tmp_path / "trap"
    folder.mkdir()
    (folder / "modeling_trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    fields = {"model_type": "trap", "auto_map": {"AutoConfig": "modeling_trap.TrapConfig"}}
    (folder / "config.json").write_text(json.dumps(fields))
    with pytest.raises(cu.CannotTell):
        cu.estimate_memory(folder)
    assert not (tmp_path / "sprung").exists()


def cut_header(folder: Path) -> None:
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:200])


def cut_body(folder: Path) -> None:
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1000])


def wrong_offsets(folder: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}).encode()
    (folder / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header)


def no_header(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"<html>")


def no_json(folder: Path) -> None:
    (folder / "config.json").write_text("<html>")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut_header, "within its header"),
        (cut_body, "shorter than"),
        (wrong_offsets, "no sense"),
        (no_header, "damaged"),
        (no_json, "no JSON"),
    ],
)
def test_damaged_files(damage, words, tmp_path):
    folder = checkpoint("meta-llama/Llama-3.2-3B-Instruct", tmp_path)
    damage(folder)
    with pytest.raises(cu.CourseError, match=words):
        cu.estimate_memory(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"vocab_size": 999},
        {"hidden_size": 1536},
        {"num_hidden_layers": 7},
        {"num_attention_heads": 2},
        {"intermediate_size": 64},
    ],
)
@pytest.mark.parametrize("repo_id", ["meta-llama/Llama-3.2-3B-Instruct", "EleutherAI/pythia-160m"])
def test_config_and_weights_that_disagree(repo_id, changes, tmp_path):
    folder = checkpoint(repo_id, tmp_path)
    change_config(folder, **changes)
    if repo_id.startswith("Eleuther") and "num_attention_heads" in changes:
        pytest.skip("one matrix for all heads fits any number of them")
    with pytest.raises(cu.CourseError, match="disagree"):
        cu.estimate_memory(folder)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model_type": "llama", "num_attention_heads": 0}, "heads"),
        ({"model_type": "llama", "num_attention_heads": "32"}, "num_attention_heads"),
        ({"model_type": "gpt2", "n_head": None}, "n_head"),
        ({"model_type": "no-such-type"}, "does not know"),
        ({}, "model_type"),
    ],
)
def test_configs_without_heads_or_type(fields, words, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(fields))
    with pytest.raises(cu.CourseError, match=words):
        cu.estimate_memory(tmp_path)


@pytest.mark.parametrize(
    ("repo_id", "words"),
    [
        ("nobody/nothing", "no such repo"),
        ("not a repo", "owner/name"),
        ("./no-such-folder", "folder"),
        ("trouble/too-many-requests", "429"),
        ("trouble/server-error", "error of its own"),
        ("trouble/captive-portal", "log in"),
        ("trouble/cut-json", "garbled"),
        ("trouble/truncated-download", "garbled|damaged"),
    ],
)
def test_a_hub_in_trouble_is_told(repo_id, words, hub):
    with pytest.raises(cu.CourseError, match=words):
        cu.estimate_memory(repo_id)


def test_no_network(run_python):
    code = """
import huggingface_hub, course_utils as cu
try:
    cu.estimate_memory("owner/name")
except cu.CourseError as error:
    print(error)
"""
    assert "cannot be reached" in run_python(code, HF_ENDPOINT="http://127.0.0.1:9").stdout


# --- What may be asked ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"context": 0}, "1 to 100,000,000"),
        ({"context": -5}, "1 to"),
        ({"context": 2.5}, "whole number"),
        ({"context": "2048"}, "whole number"),
        ({"context": True}, "whole number"),
        ({"batch": 0}, "1 to 65,536"),
        ({"batch": 1_000_000}, "1 to 65,536"),
        ({"batch": None}, "whole number"),
        ({"dtype": "fp16"}, '"float16"'),
        ({"dtype": "int8"}, '"float16"'),
        ({"dtype": torch.int8}, '"float16"'),
        ({"quantization": "int4"}, '"nf4-double"'),
        ({"quantization": True}, '"nf4-double"'),
        ({"quantization": ["nf4"]}, '"nf4-double"'),
    ],
)
def test_arguments_that_are_not_accepted(arguments, words):
    with pytest.raises(cu.CourseError, match=words):
        cu.estimate_memory(CHAT, **arguments)


@pytest.mark.parametrize("model", [None, 7, b"bytes", {"a": 1}, torch.nn.Linear(2, 2), object()])
def test_things_that_are_no_model(model):
    with pytest.raises(cu.CourseError, match="accepts a repo id, a local folder"):
        cu.estimate_memory(model)


def test_torch_dtypes_are_accepted_too(hub):
    assert cu.estimate_memory(CHAT, torch.float16).dtype == "float16"


def test_the_report_names_its_assumptions(hub):
    text = str(cu.estimate_memory(CHAT, quantization="nf4", context=200, batch=3))
    for words in ("200 tokens", "3 sequences", "(exact)", "low", "expected", "high", "nf4"):
        assert words in text
    assert "made for 1,024 tokens" in str(cu.estimate_memory(CHAT, context=2000))


def test_the_total_is_the_sum_of_its_parts(hub):
    estimate = cu.estimate_memory(CHAT, context=300)
    for end in ("low", "expected", "high"):
        parts = getattr(estimate.activations, end) + getattr(estimate.runtime, end)
        known = estimate.weights + estimate.kv_cache
        assert getattr(estimate.total, end) == known + parts
    assert estimate.total.low < estimate.total.expected < estimate.total.high
