"""What a repo or a folder says of a model before its weights are read: config and headers.

A safetensors file begins with 8 bytes that give the length of its header (little-endian), then the
header: JSON with the dtype, shape and place of every tensor. That is all that is fetched here.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_utils.errors import CannotTell, CourseError, HubTrouble
from course_utils.hub.client import api, ask, model_info, read_text
from course_utils.memory.weights import ITEM_BYTES

CONFIG = "config.json"
SINGLE = "model.safetensors"
SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
PIPELINE = "model_index.json"
READERS = 16
SECONDS = 30.0
LARGEST_HEADER = 100_000_000  # bytes; safetensors itself reads no more
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
}


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class StoredModel:
    """``config`` holds the fields of config.json; ``tensors`` is empty where no header was found.

    ``counts`` is what the Hub says of the stored values by dtype. ``closed`` is why config and
    headers could not be read, where the Hub tells about a repo but does not let us in; ``config``
    is then the little that the Hub tells of it.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, StoredTensor] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    closed: HubTrouble | None = None

    @property
    def stored_bytes(self) -> int | None:
        return sum(tensor.bytes for tensor in self.tensors.values()) or None

    @property
    def first_floating(self) -> str | None:
        """The dtype that ``dtype="auto"`` finds where the config names none."""
        floating = (name for name in sorted(self.tensors) if self.tensors[name].is_floating)
        first = next(floating, None)
        return self.tensors[first].dtype if first else None

    def named(self, name: str) -> StoredTensor | None:
        """By the name that transformers gives it; checkpoints may leave out the base model's."""
        return self.tensors.get(name) or self.tensors.get(name.partition(".")[2])


def read_stored(model: str | os.PathLike[str]) -> StoredModel:
    """Of a repo id or a local folder.

    Raises:
        CannotTell: it holds no model of transformers.
        CourseError: the Hub refuses, or a file is damaged.
    """
    text = os.fspath(model)
    if Path(text).is_dir():
        return _of_folder(Path(text))
    if isinstance(model, os.PathLike) or text.startswith((".", "/", "~")) or "\\" in text:
        raise CourseError(f"There is no folder {text}")
    return _of_repo(text)


# --- A repo --------------------------------------------------------------------------------------


def _of_repo(repo_id: str) -> StoredModel:
    """Asks for three things at once; most repos keep their weights in one file."""
    with ThreadPoolExecutor(3) as pool:
        info = pool.submit(model_info, repo_id, SECONDS)
        config = pool.submit(_refusal_or, _fetch, repo_id, CONFIG)
        single = pool.submit(_refusal_or, _header, repo_id, SINGLE)
    told, fields, tensors = info.result(), config.result(), single.result()
    files = [one.rfilename for one in told.siblings or ()]
    counts = dict(told.safetensors.parameters) if told.safetensors else {}
    if told.library_name == "diffusers":
        files.append(PIPELINE)
    if isinstance(fields, HubTrouble):
        if fields.problem == "no file" or PIPELINE in files:
            raise no_model(repo_id, files)
        if fields.problem not in ("gated", "forbidden") or not counts:
            raise fields
        return StoredModel(repo_id, dict(told.config or {}), {}, counts, fields)
    if SINGLE not in files:
        tensors = _of_shards(files, lambda name: _header(repo_id, name))
    if isinstance(tensors, HubTrouble):
        raise tensors
    return StoredModel(repo_id, fields, tensors, counts)


def _refusal_or(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except HubTrouble as trouble:
        return trouble


def _fetch(repo_id: str, name: str) -> dict[str, Any]:
    text = read_text(repo_id, name, seconds=SECONDS)
    if text is None:
        raise HubTrouble("no file", f"{name} of {repo_id}")
    return _json_object(text, f"{name} of {repo_id}")


def _header(repo_id: str, name: str) -> dict[str, StoredTensor]:
    from huggingface_hub.errors import SafetensorsParsingError

    about = f"{name} of {repo_id}"
    try:
        found = ask(
            api().parse_safetensors_file_metadata, repo_id, name, about=about, seconds=SECONDS
        )
    except (SafetensorsParsingError, KeyError, TypeError, ValueError) as error:
        raise _damaged(about, str(error)) from error
    return {
        key: _stored(about, key, one.dtype, one.shape, name, one.data_offsets)
        for key, one in found.tensors.items()
    }


# --- A folder ------------------------------------------------------------------------------------


def _of_folder(folder: Path) -> StoredModel:
    files = [path.name for path in folder.iterdir()]
    if CONFIG not in files or PIPELINE in files:
        raise no_model(str(folder), files)
    if SINGLE in files:
        tensors = _file_header(folder / SINGLE)
    else:
        tensors = _of_shards(files, lambda name: _file_header(folder / name))
    return StoredModel(str(folder), _read_json(folder / CONFIG), tensors)


def _read_json(path: Path) -> dict[str, Any]:
    return _json_object(path.read_text(encoding="utf-8", errors="replace"), str(path))


def _file_header(path: Path) -> dict[str, StoredTensor]:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            content = file.read(min(length, LARGEST_HEADER))
        size = path.stat().st_size
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) < length:
        raise _damaged(str(path), "it ends within its header")
    header = _json_object(content.decode("utf-8", "replace"), f"the header of {path}")
    header.pop("__metadata__", None)
    try:
        found = {
            key: _stored(str(path), key, one["dtype"], one["shape"], path.name, one["data_offsets"])
            for key, one in header.items()
        }
    except (KeyError, TypeError) as error:
        raise _damaged(str(path), f"its header lacks {error}") from error
    if size < 8 + length + sum(one.bytes for one in found.values()):
        raise _damaged(str(path), "it is shorter than its header says")
    return found


# --- Both ----------------------------------------------------------------------------------------


def _of_shards(
    files: Iterable[str], read: Callable[[str], dict[str, StoredTensor]]
) -> dict[str, StoredTensor]:
    with ThreadPoolExecutor(READERS) as pool:
        shards = pool.map(read, sorted(filter(SHARD.fullmatch, files)))
        return {key: tensor for shard in shards for key, tensor in shard.items()}


def _stored(
    about: str, key: str, dtype: Any, shape: Iterable[int], file: str, offsets: Iterable[int]
) -> StoredTensor:
    sizes, (start, end) = tuple(shape), offsets
    whole = all(type(one) is int and one >= 0 for one in (*sizes, start, end))
    if not whole or end < start:
        raise _damaged(about, f"the place of {key} makes no sense")
    return StoredTensor(TORCH_NAMES.get(dtype, str(dtype)), sizes, file, start, end)


def stored_bytes(counts: Mapping[str, int]) -> int | None:
    """Bytes of so many stored values of each dtype, as safetensors names it; None for others."""
    names = {name: TORCH_NAMES.get(name, name) for name in counts}
    if not set(names.values()) <= set(ITEM_BYTES):
        return None
    return sum(count * ITEM_BYTES[names[name]] for name, count in counts.items())


def no_model(name: str, files: Iterable[str]) -> CannotTell:
    """What a repo or folder is that holds no model of transformers."""
    held = set(files)
    if PIPELINE in held:
        reason = (
            "it is a pipeline of diffusers: several models in one repo, each in a folder. Look at "
            "the sizes of those; a folder that holds a transformers model can be given by its path."
        )
    elif "adapter_config.json" in held:
        reason = (
            "it is an adapter (LoRA), a small addition to another model. Its adapter_config.json "
            "names that base model: ask for it."
        )
    elif any(file.endswith(".gguf") for file in held):
        reason = (
            "it holds GGUF files, for llama.cpp, and no config.json. Ask for the model that they "
            "were made from; a GGUF file in llama.cpp takes about its own size."
        )
    else:
        reason = "it has no config.json, so nothing says what its weights are part of."
    return CannotTell(name, reason)


def _json_object(text: str, about: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(about, f"it is no JSON ({error})") from error
    if not isinstance(found, dict):
        raise _damaged(about, "it is no JSON object")
    return found


def _damaged(about: str, what: str) -> CourseError:
    return CourseError(f"{about} is cut off or damaged: {what}. Get it again, or tell its owner.")
