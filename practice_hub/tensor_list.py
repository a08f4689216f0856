"""Safetensors files without their bodies: which tensors, in which file, at which place.

A model's tensors repeat from layer to layer, so a tensor list says
``model.layers.{0-31}.mlp.up_proj.weight`` once for 32 tensors. From such a list this module makes
the files a repo would hold: ``model.safetensors``, or numbered shards of at most 5 GB and their
index. Of a weights file only the head is made: 8 bytes that give the header's length
(little-endian), then the header, which is JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

INDEX_FILE = "model.safetensors.index.json"
LARGEST_SHARD = 5 * 10**9
RANGE = re.compile(r"\{(\d+)-(\d+)\}")
NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
# Bits a value takes. Safetensors stores tensors in this order of dtypes, then by name.
BITS = {
    "I64": 64,
    "F64": 64,
    "F32": 32,
    "I32": 32,
    "BF16": 16,
    "F16": 16,
    "I16": 16,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "I8": 8,
    "U8": 8,
    "F4": 4,
    "BOOL": 8,
}
STORAGE_ORDER = {dtype: place for place, dtype in enumerate(BITS)}


@dataclass(frozen=True)
class Tensor:
    """One stored tensor. With ranges such as ``{0-31}`` in its name it stands for several."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def values(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.values * BITS[self.dtype] // 8

    @property
    def repeats(self) -> int:
        return math.prod(int(last) - int(first) + 1 for first, last in RANGE.findall(self.name))

    def named(self, name: str) -> Tensor:
        return Tensor(name, self.dtype, self.shape)


def count_values(tensors: Iterable[Tensor]) -> dict[str, int]:
    """Stored values per dtype; counts repeats without expanding them."""
    counts: dict[str, int] = {}
    for tensor in tensors:
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.values * tensor.repeats
    return counts


def expand(tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    """Each tensor by its own name, layer after layer.

    Neighbors that share their first range belong to the same layers and are repeated together.
    """
    for head, group in groupby(tensors, key=up_to_range):
        together = list(group)
        found = RANGE.search(head)
        if found is None:
            yield from together
            continue
        for number in range(int(found[1]), int(found[2]) + 1):
            start = head[: found.start()] + str(number)
            yield from expand(item.named(start + item.name[len(head) :]) for item in together)


def up_to_range(tensor: Tensor) -> str:
    found = RANGE.search(tensor.name)
    return tensor.name[: found.end()] if found else ""


def compact(tensors: Iterable[Tensor]) -> list[Tensor]:
    """The reverse of ``expand``: neighbors that differ only in a number become one entry."""
    found: list[Tensor] = []
    for (head, numbered), group in groupby(tensors, key=up_to_number):
        if not numbered:
            found += group
            continue
        layers: list[tuple[int, int, list[Tensor]]] = []
        for number, members in groupby(group, key=lambda item: first_number(item.name)):
            tails = [item.named(item.name[len(f"{head}{number}") :]) for item in members]
            layer = compact(tails)
            if layers and layers[-1][1] == number - 1 and layers[-1][2] == layer:
                layers[-1] = (layers[-1][0], number, layer)
            else:
                layers.append((number, number, layer))
        for first, last, layer in layers:
            numbers = str(first) if first == last else f"{{{first}-{last}}}"
            found += [item.named(f"{head}{numbers}{item.name}") for item in layer]
    return found


def up_to_number(tensor: Tensor) -> tuple[str, bool]:
    found = NUMBER.search(tensor.name)
    return (tensor.name[: found.start()], True) if found else ("", False)


def first_number(name: str) -> int:
    found = NUMBER.search(name)
    assert found is not None
    return int(found[0])


@dataclass(frozen=True)
class MadeFile:
    """The bytes that can be made of a file, and the size that the whole file would have."""

    content: bytes
    size: int


def make_files(tensors: Iterable[Tensor], origin: str) -> dict[str, MadeFile]:
    """The repo's files for these tensors. ``origin`` tells in each where it comes from."""
    shards = split(expand(tensors))
    if len(shards) == 1:
        return {"model.safetensors": weights_file(shards[0], origin)}
    names = [f"model-{n:05}-of-{len(shards):05}.safetensors" for n in range(1, len(shards) + 1)]
    by_name = dict(zip(names, shards, strict=True))
    files = {name: weights_file(shard, origin) for name, shard in by_name.items()}
    return {**files, INDEX_FILE: index_file(by_name, origin)}


def split(tensors: Iterable[Tensor]) -> list[list[Tensor]]:
    """Fills one shard after the other, as ``save_pretrained`` does."""
    shards: list[list[Tensor]] = [[]]
    room = LARGEST_SHARD
    for tensor in tensors:
        if tensor.bytes > room and shards[-1]:
            shards.append([])
            room = LARGEST_SHARD
        shards[-1].append(tensor)
        room -= tensor.bytes
    return shards


def weights_file(tensors: list[Tensor], origin: str) -> MadeFile:
    header: dict[str, object] = {"__metadata__": {"format": "pt", "reconstructed": origin}}
    end = 0
    for tensor in sorted(tensors, key=lambda item: (STORAGE_ORDER[item.dtype], item.name)):
        start, end = end, end + tensor.bytes
        header[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": tensor.shape,
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    content = len(text).to_bytes(8, "little") + text
    return MadeFile(content, len(content) + end)


def index_file(shards: Mapping[str, list[Tensor]], origin: str) -> MadeFile:
    total = sum(tensor.bytes for shard in shards.values() for tensor in shard)
    weight_map = {tensor.name: name for name, shard in shards.items() for tensor in shard}
    index = {
        "metadata": {"reconstructed": origin, "total_size": total},
        "weight_map": dict(sorted(weight_map.items())),
    }
    content = (json.dumps(index, indent=2) + "\n").encode()
    return MadeFile(content, len(content))
