"""What is known of a model before its weights are read: its files, its config and its headers.

``read_checkpoint`` is the one reader, and reads each file once. Whoever wants to know more of the
model is handed the ``Checkpoint`` that it returns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from course_utils.errors import CannotTell, CourseError, HubTrouble
from course_utils.hub.client import decoded, model_info, read_text
from course_utils.memory.headers import StoredTensor, header_of_file, header_on_hub, json_object
from course_utils.memory.weight_files import (
    SINGLE,
    WeightFiles,
    weight_files,
    weight_files_by_name,
)

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

CONFIG = "config.json"
PIPELINE = "model_index.json"
READERS = 16
LARGEST_INDEX = 100_000_000  # bytes; that of a model of 671 e9 parameters has 9 million
FLOATS = ("float32", "float16", "bfloat16", "float64")  # what torch computes and models load in
SECONDS = 30.0
Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A repo or folder with a model. A config or a loaded model of transformers has no files.

    Attributes:
        name: as messages name it.
        address: what ``from_pretrained`` would be given; None for a config that names no repo.
        repo_id: of a repo.
        config: the fields of config.json; behind a gate, the few that the Hub tells.
        files: bytes of each file, None where the Hub does not say.
        weights: the files that ``from_pretrained`` takes the weights from.
        cached: those of them that need not be downloaded again.
        tensors: by the headers of its safetensors files; empty where there are none.
        counts: how many values of each dtype the Hub says are stored.
        task, library: as the Hub names them.
        closed: why config and headers could not be read, where the Hub tells about a repo but does
            not let us in.
        given: the config or the loaded model that was given in place of files.
    """

    name: str
    address: str | None = None
    repo_id: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    files: Mapping[str, int | None] = field(default_factory=dict, repr=False)
    weights: WeightFiles = WeightFiles()
    cached: frozenset[str] = frozenset()
    tensors: Mapping[str, StoredTensor] = field(default_factory=dict, repr=False)
    counts: Mapping[str, int] = field(default_factory=dict)
    task: str | None = None
    library: str | None = None
    closed: HubTrouble | None = None
    given: PreTrainedConfig | PreTrainedModel | None = field(default=None, repr=False)
    _found: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def loaded(self) -> PreTrainedModel | None:
        """The loaded model, where one was given."""
        model: Any = self.given
        return model if hasattr(model, "config") else None

    @property
    def stored_bytes(self) -> int | None:
        """What its tensors take on disk."""
        return sum(tensor.bytes for tensor in self.tensors.values()) or None

    @property
    def disk(self) -> int | None:
        """Bytes of the files with its weights; None where nobody can say."""
        return _sum(self.files[name] for name in self.weights.names) or None

    @property
    def download(self) -> int | None:
        """The part of ``disk`` that is not on this machine yet."""
        missing = [name for name in self.weights.names if name not in self.cached]
        return None if self.disk is None else _sum(self.files[name] for name in missing)

    @property
    def found_dtype(self) -> str | None:
        """The dtype that ``dtype="auto"`` finds where the config names none: that of the index, or
        of the first tensor in the first file that is floating and not in 8 bits, else of the first.
        """
        if self.weights.dtype:
            return self.weights.dtype
        first = next(iter(self.weights.names), "")
        there = [self.tensors[name] for name in sorted(self.tensors)]
        found = [one.dtype for one in there if one.file == first]
        return next((one for one in found if one in FLOATS), next(iter(found), None))

    def tensor(self, name: str) -> StoredTensor | None:
        """By the name that transformers gives it; checkpoints may leave out the base model's."""
        return self.tensors.get(name) or self.tensors.get(name.partition(".")[2])

    def once(self, what: Hashable, find: Callable[[], Found]) -> Found:
        """What ``find`` returns. It is called once, and its answer is kept."""
        if what not in self._found:
            self._found[what] = find()
        found: Found = self._found[what]
        return found


def read_checkpoint(model: Any) -> Checkpoint:
    """Of a repo id, a local folder, a config of transformers or a loaded model.

    A ``Checkpoint`` is returned as it is.

    Raises:
        CannotTell: it holds no model of transformers.
        CourseError: it is none of these, the Hub refuses, or a file is damaged.
    """
    if isinstance(model, Checkpoint):
        return model
    if not isinstance(model, (str, os.PathLike)):
        return _of_object(model)
    text = os.fspath(model)
    if Path(text).is_dir():
        return _of_folder(Path(text))
    if isinstance(model, os.PathLike) or text.startswith((".", "/", "~")) or "\\" in text:
        raise CourseError(f"There is no folder {text}")
    return _of_repo(text)


# --- A repo --------------------------------------------------------------------------------------


def _of_repo(repo_id: str) -> Checkpoint:
    """Asks for three things at once; most repos keep their weights in one file."""
    with ThreadPoolExecutor(3) as pool:
        asked = pool.submit(model_info, repo_id, SECONDS, files_metadata=True)
        config = pool.submit(_or_refusal, lambda: _fetch_config(repo_id))
        single = pool.submit(_or_refusal, lambda: header_on_hub(repo_id, SINGLE, SECONDS))
    info, fields, tensors = asked.result(), config.result(), single.result()
    files = {file.rfilename: file.size for file in info.siblings or ()}
    counts = dict(info.safetensors.parameters) if info.safetensors else {}
    by_name = weight_files_by_name(files)
    found = Checkpoint(
        name=repo_id,
        address=repo_id,
        repo_id=repo_id,
        files=files,
        weights=by_name,
        cached=frozenset(name for name in by_name.names if _in_cache(repo_id, name, info.sha)),
        counts=counts,
        task=info.pipeline_tag,
        library=info.library_name,
    )
    if isinstance(fields, HubTrouble):
        is_pipeline = PIPELINE in files or info.library_name == "diffusers"
        if fields.problem == "no file" or is_pipeline:
            raise no_model(repo_id, files, is_pipeline)
        if fields.problem not in ("gated", "forbidden") or not counts:
            raise fields
        return replace(found, config=dict(info.config or {}), closed=fields)
    weights = weight_files(repo_id, files, fields, lambda name: _fetch_index(repo_id, name))
    if weights.names != (SINGLE,):
        tensors = _of_shards(weights.names, lambda name: header_on_hub(repo_id, name, SECONDS))
    if isinstance(tensors, HubTrouble):
        raise tensors
    cached = frozenset(name for name in weights.names if _in_cache(repo_id, name, info.sha))
    return replace(found, config=fields, weights=weights, cached=cached, tensors=tensors)


def _or_refusal(read: Callable[[], Found]) -> Found | HubTrouble:
    try:
        return read()
    except HubTrouble as trouble:
        return trouble


def _fetch_config(repo_id: str) -> dict[str, Any]:
    about = f"{CONFIG} of {repo_id}"
    text = read_text(repo_id, CONFIG, seconds=SECONDS)
    if text is None:
        raise HubTrouble("no file", about)
    return json_object(text, about)


def _fetch_index(repo_id: str, name: str) -> str:
    text = read_text(repo_id, name, seconds=SECONDS, largest=LARGEST_INDEX)
    if text is None:
        raise HubTrouble("no file", f"{name} of {repo_id}")
    return text


def _in_cache(repo_id: str, name: str, commit: str | None) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repo_id, name, revision=commit), str)


# --- A folder, a config, a loaded model ----------------------------------------------------------


def _of_folder(folder: Path) -> Checkpoint:
    files = dict(_files_in(folder))
    if CONFIG not in files or PIPELINE in files:
        raise no_model(str(folder), files, PIPELINE in files)
    config = folder / CONFIG
    fields = json_object(decoded(config.read_bytes()), str(config))
    weights = weight_files(str(folder), files, fields, lambda name: _read(folder / name))
    return Checkpoint(
        name=str(folder),
        address=folder.as_posix(),
        config=fields,
        files=files,
        weights=weights,
        cached=frozenset(files),
        tensors=_of_shards(weights.names, lambda name: header_of_file(folder / name, name)),
    )


def _files_in(folder: Path) -> Iterator[tuple[str, int]]:
    """Those of the folder and of its folders: an index may name files there."""
    for path in folder.iterdir():
        for one in path.iterdir() if path.is_dir() else (path,):
            if one.is_file():
                yield one.relative_to(folder).as_posix(), one.stat().st_size


def _read(path: Path) -> str:
    return decoded(path.read_bytes())


def _of_object(model: Any) -> Checkpoint:
    config = getattr(model, "config", model)
    if not hasattr(config, "get_text_config"):
        raise CourseError(
            "estimate_memory accepts a repo id, a local folder, a config of transformers or a "
            f"loaded model of transformers, not {type(model).__name__}."
        )
    address = config.name_or_path or None
    return Checkpoint(
        name=address or type(model).__name__,
        address=address,
        config=config.to_dict(),
        given=model,
    )


# --- All of them ---------------------------------------------------------------------------------


def _of_shards(
    files: Iterable[str], read: Callable[[str], dict[str, StoredTensor]]
) -> dict[str, StoredTensor]:
    headed = [name for name in files if name.endswith(".safetensors")]
    with ThreadPoolExecutor(READERS) as pool:
        return {key: tensor for shard in pool.map(read, headed) for key, tensor in shard.items()}


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = list(sizes)
    return None if None in known else sum(size for size in known if size)


def no_model(name: str, files: Iterable[str], is_pipeline: bool) -> CannotTell:
    """What a repo or folder is that holds no model of transformers."""
    held = set(files)
    if is_pipeline:
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
            "it holds GGUF files, for llama.cpp, and no config.json. A GGUF file takes about its "
            "own size there: cu.ways_to_fit() shows each. Or ask for the model that they were made "
            "from."
        )
    else:
        reason = "it has no config.json, so nothing says what its weights are part of."
    return CannotTell(name, reason)
