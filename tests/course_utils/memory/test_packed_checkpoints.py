"""Checkpoints that come packed: which method, on which GPU, and configs that are odd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.quantizers.quantizer_finegrained_fp8 import FineGrainedFP8HfQuantizer

import course_utils as cu
from tests.course_utils.memory.test_weight_files import weights, write_config
from tests.support.ground_truth import resident_bytes
from tests.support.own_hub import repo, serving

FP8 = {
    "quant_method": "fp8",
    "activation_scheme": "dynamic",
    "weight_block_size": [128, 128],
}
LINEAR = "_proj.weight"


def save(folder: Path, tensors: dict[str, torch.Tensor], **config: Any) -> Path:
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_config(folder, **config)
    return folder


def stored(folder: Path) -> int:
    """Bytes of the tensors in the file."""
    content = (folder / "model.safetensors").read_bytes()
    return len(content) - 8 - int.from_bytes(content[:8], "little")


def packed_in(method: str) -> dict[str, torch.Tensor]:
    """The tensors of a small model, its linear layers as this method stores them."""
    found = {}
    for name, tensor in weights().items():
        if not name.endswith(LINEAR):
            found[name] = tensor
            continue
        out, inner = tensor.shape
        stem = name.removesuffix("weight")
        half = torch.zeros(out, inner // 2, dtype=torch.uint8)
        eight = tensor.to(torch.float8_e4m3fn)
        parts: dict[str, dict[str, torch.Tensor]] = {
            "gptq": {
                "qweight": torch.zeros(inner // 8, out, dtype=torch.int32),
                "qzeros": torch.zeros(1, out // 8, dtype=torch.int32),
                "scales": torch.ones(1, out, dtype=torch.float16),
                "g_idx": torch.zeros(inner, dtype=torch.int32),
            },
            "awq": {
                "qweight": torch.zeros(inner, out // 8, dtype=torch.int32),
                "qzeros": torch.zeros(1, out // 8, dtype=torch.int32),
                "scales": torch.ones(1, out, dtype=torch.float16),
            },
            "compressed-tensors": {
                "weight_packed": torch.zeros(out, inner // 8, dtype=torch.int32),
                "weight_scale": torch.ones(out, 1, dtype=torch.bfloat16),
                "weight_shape": torch.tensor([out, inner]),
            },
            "exl2": {
                "q_weight": torch.zeros(inner // 8, out, dtype=torch.int32),
                "q_scale": torch.zeros(1, out // 8, dtype=torch.int32),
                "q_invperm": torch.zeros(inner, dtype=torch.int32),
            },
            "modelopt": {
                "weight": half,
                "weight_scale": torch.ones(out, inner // 16).to(torch.float8_e4m3fn),
                "weight_scale_2": torch.ones(()),
            },
            "hqq": {"W_q": half, "scale": torch.ones(out, 1), "zero": torch.ones(out, 1)},
            "quark": {"weight": eight, "weight_scale": torch.ones(())},
            "torchao": {"weight_qdata": eight.view(torch.int8), "weight_scale": torch.ones(out)},
            "fp8": {"weight": eight, "weight_scale_inv": torch.ones(1, 1, dtype=torch.bfloat16)},
            "fbgemm_fp8": {"weight": eight, "weight_scale": torch.ones(out, 1)},
            "mlx": {
                "weight": torch.zeros(out, inner // 8, dtype=torch.uint32),
                "scales": torch.ones(out, 1, dtype=torch.bfloat16),
                "biases": torch.ones(out, 1, dtype=torch.bfloat16),
            },
        }
        found |= {stem + part: one for part, one in parts[method].items()}
    return found


INSTALLED = {
    "awq": "gptqmodel",
    "gptq": "gptqmodel",
    "compressed-tensors": "compressed-tensors",
    "exl2": "exllamav2",
    "modelopt": "vllm",
    "hqq": "hqq",
    "quark": "amd-quark",
    "torchao": "torchao",
    "fbgemm_fp8": "fbgemm-gpu",
}


@pytest.mark.parametrize("method", INSTALLED)
def test_one_way_with_the_stored_size_and_what_to_install(method, tmp_path):
    how = {"quant_method": method, "bits": 4, "group_size": 64, "config_groups": {}}
    folder = save(tmp_path, packed_in(method), quantization_config=how)
    estimate, ways = cu.estimate_memory(folder), cu.ways_to_fit(folder, "H100")
    assert (estimate.weights, estimate.stored_as) == (stored(folder), method)
    assert [way.quantization for way in ways] == [None]
    assert method in ways[0].way and ways[0].verdict == "fits"
    assert INSTALLED[method] in ways[0].why and INSTALLED[method] in ways[0].code


@pytest.mark.parametrize(
    ("method", "beside"),
    [
        ("modelopt", "hf_quant_config.json"),
        ("gptq", "quantize_config.json"),
        ("awq", "quant_config.json"),
        ("exl2", None),
        ("compressed-tensors", None),
        ("hqq", None),
    ],
)
def test_a_packing_that_config_json_does_not_tell_is_named(method, beside, tmp_path):
    folder = save(tmp_path, packed_in(method))
    if beside:
        (folder / beside).write_text('{"quantization": {"quant_algo": "X"}}')
    estimate = cu.estimate_memory(folder)
    assert (estimate.stored_as, estimate.weights) == (method, stored(folder))
    assert estimate.weights_basis == "stored" and not estimate.loadable
    plain = cu.estimate_memory(save(tmp_path, weights()))
    assert estimate.parameters == plain.parameters  # scales are none
    assert (plain.stored_as, plain.weights_basis) == (None, "exact")


# --- By the GPU asked about ----------------------------------------------------------------------


def test_fp8_stays_packed_from_capability_8_9(tmp_path, monkeypatch):
    folder = save(tmp_path, packed_in("fp8"), quantization_config=FP8)
    unpacked = resident_bytes(AutoModelForCausalLM.from_pretrained(folder))
    # Without the look at the device: the packed model that a GPU of capability 8.9 would hold.
    monkeypatch.setattr(FineGrainedFP8HfQuantizer, "validate_environment", lambda *_, **__: None)
    packed = resident_bytes(AutoModelForCausalLM.from_pretrained(folder))
    monkeypatch.undo()
    assert packed < unpacked
    for gpu in ("L4", "RTX 4090", "H100"):
        estimate, ways = cu.estimate_memory(folder, gpu=gpu), cu.ways_to_fit(folder, gpu)
        assert (estimate.weights, estimate.unpacked, estimate.weights_basis) == (
            packed,
            False,
            "exact",
        )
        assert [way.way for way in ways] == ["fp8 as stored"]
    by_size = cu.estimate_memory(folder, gpu=12 * 2**30)
    assert (by_size.weights, by_size.unpacked) == (packed, False)
    ways = cu.ways_to_fit(folder, 12 * 2**30)
    assert [way.way for way in ways] == ["fp8 as stored"]
    assert "if your GPU has compute capability 8.9 or newer" in ways[0].why
    assert any("else it is unpacked to bfloat16" in note for note in by_size.notes)
    for gpu in ("T4", "A100", "cpu"):
        estimate, ways = cu.estimate_memory(folder, gpu=gpu), cu.ways_to_fit(folder, gpu)
        assert (estimate.weights, estimate.unpacked) == (unpacked, True)
        assert "unpacked to bfloat16" in ways[0].way and "8.9" in ways[0].why


def test_mxfp4_stays_packed_from_capability_7_5(hub):
    sizes = {
        gpu: cu.estimate_memory("openai/gpt-oss-20b", gpu=gpu) for gpu in ("T4", "RTX 4090", "V100")
    }
    assert sizes["T4"].weights == sizes["RTX 4090"].weights == sizes["T4"].stored
    assert sizes["V100"].weights > 3 * sizes["T4"].weights and sizes["V100"].unpacked
    ways = cu.ways_to_fit("openai/gpt-oss-20b", "RTX 4090")
    assert ways.best and ways.best.bytes < 16 * 2**30
    assert "kernels" in ways.best.why


def test_what_a_gpu_refuses_does_not_fit(tmp_path):
    how = {"quant_method": "fbgemm_fp8"}
    folder = save(tmp_path, packed_in("fbgemm_fp8"), quantization_config=how)
    assert [way.verdict for way in cu.ways_to_fit(folder, "A100")] == ["does not fit"]
    assert [way.verdict for way in cu.ways_to_fit(folder, "H100")] == ["fits"]


def test_of_a_gpu_in_bytes_nobody_knows_whether_it_refuses(tmp_path):
    how = {"quant_method": "fbgemm_fp8"}
    folder = save(tmp_path, packed_in("fbgemm_fp8"), quantization_config=how)
    fits = cu.ways_to_fit(folder, 24 * 2**30)
    assert [way.verdict for way in fits] == ["fits"]
    assert "if your GPU has compute capability 9.0 or newer" in fits[0].why
    assert any("else transformers refuses it" in note for note in fits.notes)


@pytest.mark.parametrize(("method", "asked"), [("fbgemm_fp8", "A100"), ("fp_quant", "H100")])
def test_the_gpu_advised_is_one_that_takes_the_packing(method, asked, tmp_path):
    packed_by = {"quant_method": method}
    folder = save(tmp_path, packed_in("fbgemm_fp8"), quantization_config=packed_by)
    fits = cu.ways_to_fit(folder, asked)
    assert fits.best is None
    advised = next(one for one in fits.advice if one.remedy == "a bigger GPU")
    assert cu.ways_to_fit(folder, advised.name).best
    assert f"takes {method} as stored" in advised.text


@pytest.mark.parametrize("gpu", ["P100-16GB", "V100-16GB"])
def test_int8_is_left_out_below_capability_7_5(gpu):
    ways = cu.ways_to_fit("practice/tiny-chat", gpu)
    assert "int8" not in [way.quantization for way in ways]
    assert any("int8" in note and "7.5" in note for note in ways.notes)
    newer = cu.ways_to_fit("practice/tiny-chat", "T4")
    assert "int8" in [way.quantization for way in newer]
    assert not any("left out" in note for note in newer.notes)


# --- A quantization_config that says something else, or nothing ----------------------------------

LEFT_OVER = {
    "bitsandbytes, 4 bits": {"quant_method": "bitsandbytes", "load_in_4bit": True},
    "bitsandbytes, 8 bits": {"load_in_8bit": True, "llm_int8_threshold": 6.0},
    "bitsandbytes, no flag": {"quant_method": "bitsandbytes"},
    "bitsandbytes, a kind that is none": {
        "quant_method": "bitsandbytes",
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf5",
    },
    "a method that transformers does not know": {"quant_method": "GPTQ", "bits": 4},
    "another": {"quant_method": "intel/auto-round", "bits": 4},
    "exl2": {"quant_method": "exl2", "bits": 4.0},
    "fp8": FP8,
    "mxfp4": {"quant_method": "mxfp4"},
}


@pytest.mark.parametrize("how", LEFT_OVER.values(), ids=LEFT_OVER.keys())
def test_left_over_on_weights_that_are_whole(how, tmp_path):
    """What is resident are the tensors, whatever the config says."""
    folder = save(tmp_path, weights(), quantization_config=how)
    assert cu.estimate_memory(folder).weights == resident_bytes(
        AutoModelForCausalLM.from_pretrained(folder)
    )


ODD = {
    "no method": {"group_size": 64, "bits": 4},
    "method null": {"quant_method": None, "bits": 8},
    "a list": [{"quant_method": "gptq"}],
    "a text": "int4",
    "a number": 4,
    "both flags": {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": True},
    "a flag that is null": {
        "quant_method": "bitsandbytes",
        "load_in_4bit": True,
        "load_in_8bit": None,
    },
    "a dtype that is none": {
        "quant_method": "bitsandbytes",
        "load_in_4bit": True,
        "bnb_4bit_compute_dtype": "torch.bfloat16",
    },
}


@pytest.mark.parametrize("how", ODD.values(), ids=ODD.keys())
def test_what_from_pretrained_refuses_is_told_in_words(how, tmp_path):
    folder = save(tmp_path, weights(), quantization_config=how)
    with pytest.raises(Exception) as raised:  # noqa: PT011  each in its own way
        AutoModelForCausalLM.from_pretrained(folder)
    with pytest.raises(cu.CourseError, match=type(raised.value).__name__):
        cu.estimate_memory(folder)


@pytest.mark.parametrize("slip", [NameError, AttributeError])
def test_a_slip_of_ours_fails_tests_and_is_told_to_learners_in_words(slip, monkeypatch, tmp_path):
    def slips(*_: object) -> None:
        raise slip("no such name")

    folder = save(tmp_path, weights())
    monkeypatch.setattr("course_utils.memory.estimate.runtime", slips)
    with pytest.raises(slip, match="no such name"):
        cu.estimate_memory(folder)
    monkeypatch.setattr("course_utils.memory.estimate.slips_go_through", False)
    with pytest.raises(cu.CourseError, match="no such name") as told:
        cu.estimate_memory(folder)
    assert isinstance(told.value.__cause__, slip)


@pytest.mark.parametrize("value", [None, -1, 0, 10**30, "4", 1.5, [], {}, [[]], True, "\0"])
@pytest.mark.parametrize(
    "name",
    [
        "architectures",
        "dtype",
        "torch_dtype",
        "head_dim",
        "hidden_size",
        "layer_types",
        "model_type",
        "num_attention_heads",
        "num_hidden_layers",
        "num_key_value_heads",
        "quantization_config",
        "rope_parameters",
        "rope_scaling",
        "sliding_window",
        "text_config",
        "tie_word_embeddings",
        "transformers_weights",
        "vocab_size",
    ],
)
def test_any_config_ends_in_an_estimate_or_in_words(name, value, tmp_path):
    folder = save(tmp_path, weights())
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    for ask in (cu.estimate_memory, lambda one: cu.ways_to_fit(one, "T4")):
        try:
            answer = str(ask(folder))
        except cu.CourseError as error:
            answer = str(error)
        assert len(answer) > 20


# --- In a search ---------------------------------------------------------------------------------


def test_one_bad_repo_does_not_end_a_search(tmp_path):
    def files(name: str, tensors: dict[str, torch.Tensor], **config: Any) -> Any:
        folder = tmp_path / name
        folder.mkdir()
        save(folder, tensors, **config)
        return repo(f"acme/{name}", {one.name: one.read_bytes() for one in folder.iterdir()})

    mlx = {"group_size": 64, "bits": 4}
    repos = [
        files("good", weights()),
        files("mlx", packed_in("mlx"), quantization_config=mlx),
        files("exl2", packed_in("exl2"), quantization_config={"quant_method": "exl2"}),
        files("listed", weights(), quantization_config=["gptq"]),
        files("odd", weights(), num_attention_heads=[]),
        files("named", weights(), architectures=7),
        repo(
            "acme/gguf", {"config.json": (tmp_path / "good/config.json").read_text(), "a.gguf": "g"}
        ),
    ]
    with serving(*repos):
        found = cu.find_models(author="acme", fits="T4")
    assert [model.repo_id for model in found] == ["acme/good"]
    assert any("left out" in note for note in found.notes)
