"""What a checkpoint is called, which class loads it, and how many bytes its files are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.errors import HubTrouble
from course_utils.hub.client import api, ask, read_text
from course_utils.memory import CannotTell
from course_utils.memory.meta_model import config_of

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

PLACEHOLDER = "owner/name"
# What from_pretrained looks for, in its order: one file, or an index and its shards.
WEIGHTS = (
    r"model\.safetensors",
    r"model-\d+-of-\d+\.safetensors",
    r"pytorch_model\.bin",
    r"pytorch_model-\d+-of-\d+\.bin",
)


@dataclass(frozen=True)
class Checkpoint:
    """``model_id`` as code would name it: a repo id, a folder, or a placeholder.

    ``class_name`` is the class of transformers that loads it. ``disk`` is what its weights' files
    take, ``download`` the part that is not in the cache yet; None where nobody can say. ``config``
    is None behind a gate, and for what transformers does not know.
    """

    model_id: str
    class_name: str
    repo_id: str | None = None
    disk: int | None = None
    download: int | None = None
    task: str | None = None
    model_type: str | None = None
    config: PreTrainedConfig | None = field(default=None, compare=False, repr=False)


def checkpoint_of(model: Any) -> Checkpoint:
    """Read from the Hub, a folder, a config or a loaded model, whatever ``model`` is.

    What is not there is left open: ``estimate_memory`` says what is wrong with it.

    Raises:
        CourseError: the Hub gives no answer.
    """
    if isinstance(model, (str, os.PathLike)):
        return _of_folder(Path(model)) if Path(model).is_dir() else _of_repo(str(model))
    config = getattr(model, "config", model)
    is_loaded = config is not model
    fields = config.to_dict() if hasattr(config, "to_dict") else {}
    return Checkpoint(
        model_id=getattr(config, "name_or_path", "") or PLACEHOLDER,
        class_name=class_name(fields, type(model).__name__ if is_loaded else None),
        model_type=fields.get("model_type"),
        config=config,
    )


def _of_folder(folder: Path) -> Checkpoint:
    path = folder / "config.json"
    fields = _object(path.read_text(encoding="utf-8", errors="replace") if path.is_file() else "")
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    return Checkpoint(
        model_id=folder.as_posix(),
        class_name=class_name(fields),
        disk=sum(sizes[name] for name in weight_files(sizes)) or None,
        download=0,
        model_type=fields.get("model_type"),
        config=_config(folder.as_posix(), fields),
    )


def _of_repo(repo_id: str) -> Checkpoint:
    info = ask(api().model_info, repo_id, files_metadata=True, about=repo_id)
    sizes = {file.rfilename: file.size for file in info.siblings or () if file.size is not None}
    weights = weight_files(sizes)
    missing = [name for name in weights if not _in_cache(repo_id, name, info.sha)]
    fields = _config_unless_gated(repo_id)
    told = fields or info.config or {}  # behind a gate the Hub still tells type and class
    return Checkpoint(
        model_id=repo_id,
        class_name=class_name(told),
        repo_id=repo_id,
        disk=sum(sizes[name] for name in weights) if weights else None,
        download=sum(sizes[name] for name in missing) if weights else None,
        task=info.pipeline_tag,
        model_type=told.get("model_type"),
        config=_config(repo_id, fields),
    )


def weight_files(sizes: Mapping[str, int]) -> list[str]:
    """The files that ``from_pretrained`` would fetch for the weights."""
    for pattern in WEIGHTS:
        found = sorted(name for name in sizes if re.fullmatch(pattern, name))
        if found:
            return found
    return []


def class_name(fields: Mapping[str, Any], loaded: str | None = None) -> str:
    """The auto class where it means the same as the class that the config names, else that one."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    named = loaded or next(iter(fields.get("architectures") or ()), None)
    if named is None:
        return "AutoModel"
    return "AutoModelForCausalLM" if CAUSAL.get(fields.get("model_type")) == named else named


def _config_unless_gated(repo_id: str) -> dict[str, Any]:
    try:
        return _object(read_text(repo_id, "config.json") or "")
    except HubTrouble as trouble:
        if trouble.problem in ("gated", "forbidden"):
            return {}
        raise


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _config(name: str, fields: Mapping[str, Any]) -> PreTrainedConfig | None:
    try:
        return config_of(name, fields) if fields else None
    except CannotTell:
        return None


def _in_cache(repo_id: str, name: str, commit: str | None) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repo_id, name, revision=commit), str)
