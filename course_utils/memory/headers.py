"""The headers of safetensors files: which tensors a file holds, their dtypes, shapes and places.

A safetensors file begins with 8 bytes that give the length of its header (little-endian), then the
header: JSON with the dtype, shape and place of every tensor. That is all that is read here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.hub.client import api, ask
from course_utils.memory.weights import ITEM_BYTES

LARGEST_HEADER = 100_000_000  # bytes; safetensors itself reads no more
LENGTH_BYTES = 8  # of the number that a file begins with
# What safetensors calls a dtype, in torch's words.
TORCH_NAMES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "C64": "complex64",
}


@dataclass(frozen=True, slots=True)  # a checkpoint may have 100,000
class StoredTensor:
    """One tensor of a checkpoint: ``dtype`` in torch's words, and its place in the file's data."""

    dtype: str
    shape: tuple[int, ...]
    file: str
    start: int
    end: int

    @property
    def bytes(self) -> int:
        return self.end - self.start

    @property
    def values(self) -> int:
        return math.prod(self.shape)

    @property
    def is_floating(self) -> bool:
        return self.dtype.startswith(("float", "bfloat"))


def header_on_hub(repo_id: str, name: str, seconds: float) -> dict[str, StoredTensor]:
    """The tensors of a file in a repo; huggingface_hub fetches only the beginning of the file.

    Raises:
        HubTrouble: no answer within ``seconds``, or a refusal.
        CourseError: the file is damaged.
    """
    from huggingface_hub.errors import SafetensorsParsingError

    about = f"{name} of {repo_id}"
    try:
        found = ask(
            api().parse_safetensors_file_metadata, repo_id, name, about=about, seconds=seconds
        )
    except (SafetensorsParsingError, KeyError, TypeError, ValueError) as error:
        raise damaged(about, str(error)) from error
    return {
        key: _stored(about, key, one.dtype, one.shape, name, one.data_offsets)
        for key, one in found.tensors.items()
    }


def header_of_file(path: Path, name: str) -> dict[str, StoredTensor]:
    """The tensors of a file on this machine, which ``name`` names within its folder.

    Raises:
        CourseError: the file cannot be read, or is damaged.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(LENGTH_BYTES), "little")
            content = file.read(min(length, LARGEST_HEADER))
        size = path.stat().st_size
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) < length:
        raise damaged(str(path), "it ends within its header")
    header = json_object(content.decode("utf-8", "replace"), f"the header of {path}")
    header.pop("__metadata__", None)
    try:
        found = {
            key: _stored(str(path), key, one["dtype"], one["shape"], name, one["data_offsets"])
            for key, one in header.items()
        }
    except (KeyError, TypeError) as error:
        raise damaged(str(path), f"its header lacks {error}") from error
    if size < LENGTH_BYTES + length + sum(one.bytes for one in found.values()):
        raise damaged(str(path), "it is shorter than its header says")
    return found


def stored_bytes(counts: Mapping[str, int]) -> int | None:
    """Bytes of so many stored values of each dtype, as safetensors names it; None for others."""
    names = {name: TORCH_NAMES.get(name, name) for name in counts}
    if not set(names.values()) <= set(ITEM_BYTES):
        return None
    return sum(count * ITEM_BYTES[names[name]] for name, count in counts.items())


def json_object(text: str, about: str) -> dict[str, Any]:
    """The object that a JSON text holds.

    Raises:
        CourseError: it holds none; ``about`` names the file in the message.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(about, f"it is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise damaged(about, "it is no JSON object")
    return found


def damaged(about: str, what: str) -> CourseError:
    return CourseError(f"{about} is cut off or damaged: {what}. Get it again, or tell its owner.")


def _stored(
    about: str, key: str, dtype: Any, shape: Iterable[int], file: str, offsets: Iterable[int]
) -> StoredTensor:
    sizes, (start, end) = tuple(shape), offsets
    numbers = (*sizes, start, end)
    whole = {*map(type, numbers)} == {int} and min(numbers) >= 0
    if not whole or end < start:
        raise damaged(about, f"the place of {key} makes no sense")
    return StoredTensor(TORCH_NAMES.get(dtype, str(dtype)), sizes, file, start, end)
