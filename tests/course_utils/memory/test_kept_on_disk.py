"""A skeleton is built once for a machine; what was kept is never needed and never in the way."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaConfig, LlamaForCausalLM

import course_utils as cu
from course_utils.memory import kept_on_disk, skeleton

FIELDS = {
    "vocab_size": 256,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "architectures": ["LlamaForCausalLM"],
    "dtype": "bfloat16",
}


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(kept_on_disk.VARIABLE, str(folder))
    return folder


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that are built, once for each time."""
    names: list[str] = []
    build = skeleton.build

    def counted(name: str, *rest: Any) -> Any:
        names.append(name)
        return build(name, *rest)

    monkeypatch.setattr(skeleton, "build", counted)
    return names


@pytest.fixture(autouse=True)
def _a_new_kernel() -> Iterator[None]:
    new_kernel()
    yield
    new_kernel()


def new_kernel() -> None:
    """Forgets what this process knows; what lies on disk stays."""
    skeleton.skeleton.cache_clear()
    skeleton.packed_tensors.cache_clear()


def asked(**fields: Any) -> Any:
    return cu.estimate_memory(LlamaConfig(**FIELDS | fields))


def test_a_kernel_builds_a_model_once_whatever_it_is_called(cache, built):
    first = asked(name_or_path="one/name")
    before = len(built)
    again = asked(name_or_path="another/name")
    assert before
    assert len(built) == before
    assert (first.weights, first.kv_cache) == (again.weights, again.kv_cache)


def test_the_next_kernel_builds_nothing(cache, built):
    first = asked()
    built.clear()
    new_kernel()
    assert asked() == first
    assert built == []


def test_another_config_or_dtype_is_another_model(cache, built):
    asked()
    for other in ({"num_hidden_layers": 4}, {"dtype": "float16"}):
        new_kernel()
        built.clear()
        asked(**other)
        assert built


def test_other_versions_are_not_taken_at_their_word(cache, built, monkeypatch):
    asked()
    new_kernel()
    built.clear()
    monkeypatch.setattr(kept_on_disk, "_environment", lambda: "transformers of tomorrow")
    asked()
    assert built


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"no json"),
        gzip.compress(b"[]"),
        gzip.compress(b'{"tensors": [["a name"]]}'),
        gzip.compress(json.dumps({"tensors": 1}).encode())[:-6],
    ],
)
def test_a_damaged_file_is_replaced(content, cache, built):
    first = asked()
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(content)
    new_kernel()
    built.clear()
    assert asked() == first
    assert built
    assert gzip.decompress(file.read_bytes()) == gzip.decompress(whole)
    assert list(cache.iterdir()) == [file]


def test_where_nothing_can_be_written_it_is_found_each_time(cache, built):
    cache.write_text("a file where the folder should be")
    first = asked()
    new_kernel()
    built.clear()
    assert asked() == first
    assert built
    assert cache.read_text() == "a file where the folder should be"


def test_a_disk_that_is_full_leaves_no_half_file(cache, built, monkeypatch):
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert asked().weights
    assert list(cache.iterdir()) == []


def test_a_class_of_ones_own_is_not_kept(cache):
    class Own(LlamaForCausalLM):
        pass

    model = Own(LlamaConfig(**FIELDS))
    assert cu.estimate_memory(model, dtype="float16").weights
    assert not cache.exists()


def test_a_model_that_cannot_be_built_is_not_kept(cache):
    config = LlamaConfig(**FIELDS)
    config.hidden_act = "no such activation"
    with pytest.raises(cu.CannotTell):
        cu.estimate_memory(config)
    assert not cache.exists()
