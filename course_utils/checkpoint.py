"""What a checkpoint is called, which class loads it, and how many bytes its files are."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.course_error import CourseError
from course_utils.hub_client import HubTrouble, api, ask, read_text

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
    take, ``download`` the part that is not in the cache yet; None where nobody can say.
    ``stored_quantization`` is a method ("mxfp4", "fp8") if the weights come quantized.
    """

    model_id: str
    class_name: str
    repo_id: str | None = None
    disk: int | None = None
    download: int | None = None
    stored_quantization: str | None = None
    task: str | None = None
    model_type: str | None = None


def checkpoint_of(model: Any) -> Checkpoint:
    """Read from the Hub, a folder, a config or a loaded model, whatever ``model`` is.

    Raises:
        CourseError: the Hub gives no answer, or the folder holds no config.
    """
    if isinstance(model, (str, os.PathLike)):
        folder = Path(model)
        return _of_folder(folder) if folder.is_dir() else _of_repo(str(model))
    config = getattr(model, "config", model)
    fields = config.to_dict() if hasattr(config, "to_dict") else {}
    loaded = type(model).__name__ if hasattr(model, "config") else None
    name = getattr(config, "name_or_path", "") or PLACEHOLDER
    return Checkpoint(model_id=name, **_from_config(fields, loaded))


def _of_folder(folder: Path) -> Checkpoint:
    try:
        fields = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CourseError(f"{folder} holds no readable config.json: {error}.") from error
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    weights = weight_files(sizes)
    disk = sum(sizes[name] for name in weights) if weights else None
    return Checkpoint(
        model_id=folder.as_posix(), disk=disk, download=0, **_from_config(fields, None)
    )


def _of_repo(repo_id: str) -> Checkpoint:
    info = ask(api().model_info, repo_id, files_metadata=True, about=repo_id)
    sizes = {file.rfilename: file.size for file in info.siblings or () if file.size is not None}
    weights = weight_files(sizes)
    fields = dict(info.config or {}) | _config_behind_the_gate(repo_id)
    missing = [name for name in weights if not _in_cache(repo_id, name, info.sha)]
    return Checkpoint(
        model_id=repo_id,
        repo_id=repo_id,
        disk=sum(sizes[name] for name in weights) if weights else None,
        download=sum(sizes[name] for name in missing) if weights else None,
        task=info.pipeline_tag,
        **_from_config(fields, None),
    )


def weight_files(sizes: Mapping[str, int]) -> list[str]:
    """The files that ``from_pretrained`` would fetch for the weights."""
    for pattern in WEIGHTS:
        found = sorted(name for name in sizes if re.fullmatch(pattern, name))
        if found:
            return found
    return []


def _config_behind_the_gate(repo_id: str) -> dict[str, Any]:
    try:
        found = json.loads(read_text(repo_id, "config.json") or "{}")
    except HubTrouble as trouble:
        if trouble.kind != "gated":
            raise
        return {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _in_cache(repo_id: str, name: str, commit: str | None) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repo_id, name, revision=commit), str)


def _from_config(fields: Mapping[str, Any], loaded: str | None) -> dict[str, Any]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    model_type = fields.get("model_type")
    named = loaded or next(iter(fields.get("architectures") or ()), None)
    is_causal = named is not None and MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(model_type) == named
    quantized = fields.get("quantization_config") or {}
    return {
        "class_name": "AutoModelForCausalLM" if is_causal else named or "AutoModel",
        "stored_quantization": quantized.get("quant_method"),
        "model_type": model_type,
    }
