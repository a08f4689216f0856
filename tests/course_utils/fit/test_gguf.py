"""Repos that hold only GGUF files: each is a way, by its stored size, and its code runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import course_utils as cu
from course_utils.fit import gguf as module

gguf = pytest.importorskip("gguf")
WIDTH, INNER, VOCABULARY, HEADS = 64, 128, 96, 4


def write(path: Path, kind: str = "F16") -> Path:
    """A llama of two layers, in one of llama.cpp's formats."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(2)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    shapes = {"token_embd": (VOCABULARY, WIDTH), "output": (VOCABULARY, WIDTH)}
    for layer in range(2):
        shapes |= {
            f"blk.{layer}.{name}": shape
            for name, shape in {
                "attn_q": (WIDTH, WIDTH),
                "attn_k": (WIDTH // 2, WIDTH),
                "attn_v": (WIDTH // 2, WIDTH),
                "attn_output": (WIDTH, WIDTH),
                "ffn_gate": (INNER, WIDTH),
                "ffn_up": (INNER, WIDTH),
                "ffn_down": (WIDTH, INNER),
                "attn_norm": (WIDTH,),
                "ffn_norm": (WIDTH,),
            }.items()
        }
    for name, shape in (shapes | {"output_norm": (WIDTH,)}).items():
        values, how = np.ones(shape, np.float32), gguf.GGMLQuantizationType[kind]
        if len(shape) == 1:
            how = gguf.GGMLQuantizationType.F32
        writer.add_tensor(f"{name}.weight", gguf.quants.quantize(values, how), raw_dtype=how)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "owl-F16.gguf")
    write(tmp_path / "small" / "owl-Q8_0.gguf", "Q8_0")
    (tmp_path / "mmproj-owl.gguf").write_bytes(bytes(64))
    return tmp_path


def test_each_file_is_a_way_by_its_stored_size(folder):
    fits = cu.ways_to_fit(folder, "T4")
    files = ["owl-F16.gguf", "small/owl-Q8_0.gguf"]
    packed, unpacked = fits[:2], fits[2:]
    assert [way.way for way in packed] == [f"{one} as stored" for one in files]
    assert [way.disk for way in packed] == [(folder / one).stat().st_size for one in files]
    assert [way.quantization for way in fits] == [None] * 3
    assert all("llama-cpp-python" in way.why and "llama_cpp" in way.code for way in packed)
    assert all(way.verdict == "fits" and way.bytes > way.disk for way in packed)
    assert [way.way for way in unpacked] == ["owl-F16.gguf, unpacked to float16"]
    assert "bitsandbytes does not" in str(fits) and "OSError" not in fits.notes[0]
    assert len(set(fits.notes)) == len(fits.notes)


def test_the_code_that_unpacks_loads_what_was_counted(folder):
    way = cu.ways_to_fit(folder, "cpu")[-1]
    names: dict[str, object] = {}
    exec(way.code, names)
    model = names["model"]
    assert isinstance(model, torch.nn.Module) and model.dtype == torch.bfloat16
    held = cu.measure_memory(model).weights
    values = sum(one.numel() for one in model.parameters())
    assert module.gguf_files(folder)[0].values == values
    assert way.low >= 0.9 * held and way.high >= held


def test_what_is_too_large_does_not_fit(folder):
    size = (folder / "owl-F16.gguf").stat().st_size
    sparse = folder / "owl-BF16.gguf"
    with sparse.open("wb") as file:
        file.truncate(20 * 2**30)
    by_way = {way.way: way for way in cu.ways_to_fit(folder, "T4")}
    assert by_way["owl-BF16.gguf as stored"].verdict == "does not fit"
    assert by_way["owl-F16.gguf as stored"].verdict == "fits"
    assert size < by_way["owl-F16.gguf as stored"].low
    assert not any("owl-BF16.gguf, unpacked" in name for name in by_way)  # nobody read its header


def test_an_estimate_names_the_ways_and_a_search_leaves_it_out(folder):
    with pytest.raises(cu.CannotTell, match=r"GGUF files.*ways_to_fit"):
        cu.estimate_memory(folder)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(cu.CannotTell, match=r"raises OSError.*GGUF.*gguf_file=.*ways_to_fit"):
        cu.estimate_memory(folder)
    assert len(cu.ways_to_fit(folder, "T4")) == 3


def on_the_hub(files: dict[str, int], values: int | None) -> Callable[..., SimpleNamespace]:
    held = [SimpleNamespace(rfilename=name, size=size) for name, size in files.items()]
    told = {"total": values} if values else None
    return lambda *_, **__: SimpleNamespace(siblings=held, gguf=told)


def test_pieces_of_one_model_are_one_way(monkeypatch):
    pieces = {f"owl-Q6-0000{one}-of-00003.gguf": 10**9 for one in (1, 2, 3)}
    other = {"owl-Q4.gguf": 2 * 10**9, "README.md": 100, "mmproj-F16.gguf": 10**9}
    monkeypatch.setattr(module, "model_info", on_the_hub(pieces | other, 4 * 10**9))
    first, second = module.gguf_files("acme/owl-GGUF")
    assert (first.file, first.bytes, first.is_whole) == (next(iter(pieces)), 3 * 10**9, False)
    assert (second.file, second.values, second.is_whole) == ("owl-Q4.gguf", 4 * 10**9, True)


def test_a_folder_without_gguf_files_is_refused_as_before(tmp_path):
    with pytest.raises(cu.CannotTell, match=r"no config\.json"):
        cu.ways_to_fit(tmp_path, "T4")
