"""The files that ``from_pretrained`` reads, and what is told where it would raise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

import course_utils as cu
from course_utils.memory import CannotTell
from tests.support.ground_truth import resident_bytes

INDEX = "model.safetensors.index.json"
SMALL = {
    "vocab_size": 256,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}


def fields(**changes: Any) -> dict[str, Any]:
    named = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16"}
    return {**named, **SMALL, **changes}


def weights(dtype: torch.dtype = torch.bfloat16) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    model = LlamaForCausalLM._from_config(LlamaConfig(**SMALL), dtype=dtype)
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def write_config(folder: Path, **changes: Any) -> None:
    kept = {name: value for name, value in fields(**changes).items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))


def write_shards(folder: Path, names: list[str], index: str | None = INDEX) -> None:
    tensors, parts = weights(), len(names)
    keys = list(tensors)
    places = {}
    for number, name in enumerate(names):
        part = keys[number * len(keys) // parts : (number + 1) * len(keys) // parts]
        (folder / name).parent.mkdir(exist_ok=True)
        save_file({key: tensors[key] for key in part}, folder / name, metadata={"format": "pt"})
        places |= dict.fromkeys(part, name)
    if index:
        content = {"metadata": {"total_size": 1}, "weight_map": places}
        (folder / index).write_text(json.dumps(content))


def numbered(count: int, stem: str = "model-") -> list[str]:
    return [f"{stem}{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1)]


def change_index(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = json.loads((folder / INDEX).read_text())
    change(content)
    (folder / INDEX).write_text(json.dumps(content))


# --- What loads ----------------------------------------------------------------------------------


def odd_names(folder: Path) -> None:
    write_config(folder)
    write_shards(folder, ["part one.safetensors", "zwei.safetensors"])


def in_a_folder(folder: Path) -> None:
    write_config(folder)
    write_shards(folder, ["shards/a.safetensors", "shards/b.safetensors"])


def left_over_shards(folder: Path) -> None:
    write_config(folder)
    write_shards(folder, numbered(3))
    write_shards(folder, numbered(2))


def left_over_of_another(folder: Path) -> None:
    write_config(folder)
    save_file({"model.embed_tokens.weight": torch.zeros(9, 9)}, folder / numbered(7)[6])
    write_shards(folder, numbered(2))


def single_beside_a_stale_index(folder: Path) -> None:
    write_config(folder)
    write_shards(folder, numbered(2))
    (folder / numbered(2)[1]).unlink()
    save_file(weights(), folder / "model.safetensors", metadata={"format": "pt"})


def named_by_the_config(folder: Path) -> None:
    write_config(folder, transformers_weights="own.safetensors.index.json")
    write_shards(folder, numbered(2, "own-"), index="own.safetensors.index.json")


def pickled(folder: Path) -> None:
    write_config(folder)
    torch.save(weights(), folder / "pytorch_model.bin")


def dtype_in_the_index(folder: Path) -> None:
    write_config(folder, dtype=None)
    write_shards(folder, numbered(2))
    change_index(folder, lambda content: content["metadata"].update(dtype="float16"))


def first_file_in_float32(folder: Path) -> None:
    write_config(folder, dtype=None)
    write_shards(folder, numbered(2))
    tensors = {name: tensor.float() for name, tensor in weights().items() if "layers.0" in name}
    tensors |= {"lm_head.weight": weights()["lm_head.weight"].float()}
    save_file(tensors, folder / "first.safetensors", metadata={"format": "pt"})
    change_index(
        folder,
        lambda content: content["weight_map"].update(dict.fromkeys(tensors, "first.safetensors")),
    )


def first_tensor_in_8_bits(folder: Path) -> None:
    write_config(folder, dtype=None)
    tensors = weights() | {"lm_head.weight": torch.zeros(256, 64, dtype=torch.float8_e4m3fn)}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


LOADS = (
    odd_names,
    in_a_folder,
    left_over_shards,
    left_over_of_another,
    single_beside_a_stale_index,
    named_by_the_config,
    pickled,
    dtype_in_the_index,
    first_file_in_float32,
    first_tensor_in_8_bits,
)


@pytest.mark.parametrize("make", LOADS, ids=lambda make: make.__name__)
def test_what_is_read_is_what_from_pretrained_reads(make, tmp_path):
    make(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    estimate = cu.estimate_memory(tmp_path)
    assert (estimate.weights, estimate.dtype) == (resident_bytes(model), str(model.dtype)[6:])


def test_left_over_shards_take_no_disk(tmp_path):
    left_over_shards(tmp_path)
    read = sum((tmp_path / name).stat().st_size for name in numbered(2))
    assert {way.disk for way in cu.ways_to_fit(tmp_path, "T4")} == {read}


# --- What does not -------------------------------------------------------------------------------


def missing_shard(folder: Path) -> None:
    write_shards(folder, numbered(4))
    (folder / numbered(4)[2]).unlink()


def stale_index(folder: Path) -> None:
    write_shards(folder, numbered(3))
    for name in numbered(3):
        (folder / name).unlink()
    write_shards(folder, numbered(2), index=None)


def no_index(folder: Path) -> None:
    write_shards(folder, numbered(2), index=None)


def index_without_metadata(folder: Path) -> None:
    write_shards(folder, numbered(2))
    change_index(folder, lambda content: content.pop("metadata"))


def empty_index(folder: Path) -> None:
    write_shards(folder, numbered(2))
    change_index(folder, lambda content: content["weight_map"].clear())


def list_for_an_index(folder: Path) -> None:
    write_shards(folder, numbered(2))
    (folder / INDEX).write_text("[]")


def only(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(bytes(64))

    make.__name__ = name
    return make


DOES_NOT = {
    missing_shard: "00003-of-00004",
    stale_index: "of-00003",
    no_index: "no index",
    index_without_metadata: "metadata",
    empty_index: "names no files",
    list_for_an_index: "no JSON object",
    only("owl-Q4_K_M.gguf"): "gguf_file=",
    only("onnx/model.onnx"): "onnxruntime",
    only("model.onnx"): "onnxruntime",
    only("tf_model.h5"): "TensorFlow",
    only("flax_model.msgpack"): "Flax",
    only("consolidated.00.pth"): "layout of their maker",
    only("consolidated.safetensors"): "layout of their maker",
    only("model.fp16.safetensors"): 'variant="fp16"',
    only("pytorch_model.fp16.bin"): 'variant="fp16"',
    only("adapter_model.safetensors"): "base model",
    only("weights.safetensors"): "transformers_weights",
}


@pytest.mark.parametrize("make", DOES_NOT, ids=lambda make: make.__name__)
def test_what_does_not_load_is_said_with_what_would(make, tmp_path):
    write_config(tmp_path)
    make(tmp_path)
    with pytest.raises(Exception) as raised:  # noqa: PT011  whatever from_pretrained raises
        AutoModelForCausalLM.from_pretrained(tmp_path)
    assert not isinstance(raised.value, cu.CourseError)
    with pytest.raises(cu.CourseError, match=DOES_NOT[make]):
        cu.estimate_memory(tmp_path)
    if make.__name__.endswith(".gguf"):  # no estimate, but a way: llama.cpp reads such a file
        assert DOES_NOT[make] in str([way.code for way in cu.ways_to_fit(tmp_path)])
        return
    with pytest.raises(cu.CourseError, match=DOES_NOT[make]):
        cu.ways_to_fit(tmp_path)


def test_a_config_without_weights_is_sized_and_said_to_be_empty(tmp_path):
    write_config(tmp_path)
    estimate = cu.estimate_memory(tmp_path)
    assert not estimate.loadable and "holds no weights" in str(estimate)
    save_file(weights(), tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert cu.estimate_memory(tmp_path).weights == estimate.weights


def test_an_index_does_not_lead_out_of_its_folder(tmp_path):
    outside, folder = tmp_path / "outside.safetensors", tmp_path / "model"
    folder.mkdir()
    save_file(weights(), outside, metadata={"format": "pt"})
    write_config(folder)
    write_shards(folder, numbered(1))
    change_index(
        folder,
        lambda content: content.update(
            weight_map=dict.fromkeys(content["weight_map"], "../outside.safetensors")
        ),
    )
    with pytest.raises(CannotTell, match="missing"):
        cu.estimate_memory(folder)
