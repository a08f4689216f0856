"""Described models: what is known of public models, without their weights.

A catalogue is a folder. ``<owner>--<name>.json`` holds the facts about one model, with their
evidence; what nobody found is null and stays unknown. ``<owner>--<name>.tensors.json`` beside it
lists the tensors that the model's config implies (see ``tools/describe_models.py``), so that the
headers of its weights can be made when a client asks for them. They are marked as reconstructed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from practice_hub.repos import Repo, RepoFile, Snapshot, git_blob_id, lfs_pointer
from practice_hub.tensor_list import BITS, Tensor, count_values, make_files

BUILT_IN = Path(__file__).parent / "catalogue"
FACTS_SUFFIX = ".json"
TENSORS_SUFFIX = ".tensors.json"
MOST_TENSORS = 1_000_000
REPO_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}:\d{2}\.\d{3}Z)?")
FACT_TYPES: dict[str, tuple[type, ...]] = {
    "pipeline_tag": (str,),
    "library_name": (str,),
    "license": (str, list),
    "license_name": (str,),
    "license_link": (str,),
    "languages": (str, list),
    "tags": (list,),
    "base_model": (str, list),
    "downloads": (int,),
    "likes": (int,),
    "created_at": (str,),
    "last_modified": (str,),
    "safetensors": (dict,),
    "config": (dict,),
    "verified": (dict,),
}
# Tags that the Hub derives from a repo's files; a card does not name them.
FILE_TAGS = {"transformers", "pytorch", "tf", "jax", "tflite", "rust", "coreml", "onnx"}
FILE_TAGS |= {"safetensors", "conversational"}
GATES = {"auto": "automatic approval", "manual": "approval by hand", False: "none"}


class CatalogueError(ValueError):
    """A catalogue, or one file in it, that cannot be used: which, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True)
class Catalogue:
    """The repos that were described, and the files that had to be left out."""

    repos: Mapping[str, Repo]
    problems: tuple[CatalogueError, ...] = ()


@dataclass(frozen=True)
class ListedFile:
    """A weights file or an index: its whole size, and an id of what can be made of it."""

    path: str
    size: int
    id: str


@dataclass(frozen=True)
class TensorList:
    """The tensors of one model and the files that hold them."""

    tensors: tuple[Tensor, ...]
    origin: str
    matches_published: bool | None
    listed: tuple[ListedFile, ...]

    @cached_property
    def contents(self) -> Mapping[str, bytes]:
        """The bytes that exist of each file: all of an index, the header of weights."""
        return {path: file.content for path, file in make_files(self.tensors, self.origin).items()}

    @cached_property
    def parameters(self) -> dict[str, int]:
        return count_values(self.tensors)

    def repo_files(self) -> list[RepoFile]:
        return [self.repo_file(file) for file in self.listed]

    def repo_file(self, file: ListedFile) -> RepoFile:
        make = partial(self.content, file.path)
        if not is_weights(file.path):
            return RepoFile(file.path, file.size, file.id, None, make=make)
        pointer = lfs_pointer(file.id, file.size)
        return RepoFile(file.path, file.size, git_blob_id(pointer), file.id, make=make)

    def content(self, path: str) -> bytes:
        return self.contents[path]


def is_weights(path: str) -> bool:
    return path.endswith(".safetensors")


def file_id(path: str, content: bytes) -> str:
    """For weights, the SHA-256 of their header: it stands in for the hash of bytes nobody has here.

    For other files, git's id of the content, as everywhere on the Hub.
    """
    return hashlib.sha256(content).hexdigest() if is_weights(path) else git_blob_id(content)


# --- Reading a folder ----------------------------------------------------------------------------


def load_catalogue(folders: Iterable[Path] = ()) -> Catalogue:
    """The built-in catalogue and these folders; a later folder replaces models of an earlier one.

    The built-in lists are trusted (the tests check them); those of other folders are checked whole.

    Raises:
        CatalogueError: something given is not a folder, or holds no facts.
    """
    problems: list[CatalogueError] = []
    repos = dict(read_folder(BUILT_IN, problems, check=False))
    for folder in folders:
        repos.update(read_folder(folder, problems, check=True))
    return Catalogue(MappingProxyType(repos), tuple(problems))


def read_folder(folder: Path, problems: list[CatalogueError], check: bool) -> dict[str, Repo]:
    if not folder.is_dir():
        raise CatalogueError(folder, "is not a folder")
    paths = sorted(folder.glob(f"*{FACTS_SUFFIX}"))
    names = [path for path in paths if not path.name.endswith(TENSORS_SUFFIX)]
    if not names:
        raise CatalogueError(folder, "holds no facts (files named <owner>--<name>.json)")
    repos: dict[str, Repo] = {}
    for path in names:
        try:
            repo = read_model(path, check)
            if repo.id in repos:
                raise CatalogueError(path, f"another file here describes {repo.id!r} too")
        except CatalogueError as problem:
            problems.append(problem)
        else:
            repos[repo.id] = repo
    return repos


def read_model(path: Path, check: bool = True) -> Repo:
    """The repo that a file of facts describes.

    Raises:
        CatalogueError: the file, or the tensor list beside it, is damaged or contradicts itself.
    """
    facts = read_json(path)
    check_facts(path, facts)
    tensors_path = path.with_name(path.name.removesuffix(FACTS_SUFFIX) + TENSORS_SUFFIX)
    if not tensors_path.exists():
        return make_repo(facts, None)
    tensor_list = read_tensor_list(tensors_path)
    check_total(tensors_path, facts, tensor_list)
    if check:
        check_files(tensors_path, tensor_list)
    return make_repo(facts, tensor_list)


def read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CatalogueError(path, f"is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise CatalogueError(path, "is not a JSON object")
    return found


def check_facts(path: Path, facts: Mapping[str, Any]) -> None:
    repo_id = facts.get("id")
    if not isinstance(repo_id, str) or not REPO_ID.fullmatch(repo_id):
        raise CatalogueError(path, "names no model: its 'id' should read 'owner/name'")
    for name, types in FACT_TYPES.items():
        value = facts.get(name)
        if value is not None and (not isinstance(value, types) or isinstance(value, bool)):
            wanted = " or ".join(kind.__name__ for kind in types)
            raise CatalogueError(path, f"{name!r} should be null or {wanted}, not {value!r}")
    for name in ("created_at", "last_modified"):
        if facts.get(name) is not None and not DATE.fullmatch(facts[name]):
            raise CatalogueError(path, f"{name!r} should read YYYY-MM-DD, not {facts[name]!r}")
    if facts.get("gated") not in (None, False, "auto", "manual"):
        raise CatalogueError(path, "'gated' should be null, false, 'auto' or 'manual'")
    check_published(path, facts.get("safetensors"))


def check_published(path: Path, published: Mapping[str, Any] | None) -> None:
    if published is None:
        return
    total, parts = published.get("total"), published.get("parameters")
    counts: list[Any] = [total, *parts.values()] if isinstance(parts, dict) else [total]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise CatalogueError(path, "'safetensors' should hold a 'total' and counts by dtype")
    if parts is not None and sum(counts[1:]) != total:
        reason = f"its counts by dtype add up to {sum(counts[1:]):,}, its total says {total:,}"
        raise CatalogueError(path, reason)


def read_tensor_list(path: Path) -> TensorList:
    found = read_json(path)
    try:
        tensors = tuple(
            Tensor(str(name), dtype, tuple(map(int, shape)))
            for name, dtype, shape in found["tensors"]
        )
        listed = tuple(
            ListedFile(str(file["path"]), int(file["size"]), str(file["id"]))
            for file in found["files"]
        )
        origin = str(found["reconstructed"])
    except (KeyError, TypeError, ValueError) as error:
        raise CatalogueError(path, f"is not a tensor list: {error!r}") from error
    for tensor in tensors:
        if tensor.dtype not in BITS:
            raise CatalogueError(path, f"{tensor.name!r} has the unknown dtype {tensor.dtype!r}")
    if sum(tensor.repeats for tensor in tensors) > MOST_TENSORS:
        raise CatalogueError(path, f"lists more than {MOST_TENSORS:,} tensors")
    return TensorList(tensors, origin, found.get("matches_published"), listed)


def check_total(path: Path, facts: Mapping[str, Any], tensor_list: TensorList) -> None:
    """Facts and list may disagree, but not where one of them says that they agree."""
    published = (facts.get("safetensors") or {}).get("total")
    claimed = (facts.get("verified") or {}).get("params_match") or tensor_list.matches_published
    total = sum(tensor_list.parameters.values())
    if claimed and published is not None and total != published:
        reason = f"its tensors hold {total:,} values, the published total is {published:,}"
        raise CatalogueError(path, f"{reason}; the catalogue claims that they match")


def check_files(path: Path, tensor_list: TensorList) -> None:
    made = make_files(tensor_list.tensors, tensor_list.origin)
    listed = {file.path: file for file in tensor_list.listed}
    if made.keys() != listed.keys():
        raise CatalogueError(path, f"its tensors make {sorted(made)}, it lists {sorted(listed)}")
    for name, file in made.items():
        if file.size != listed[name].size:
            reason = f"says {name} has {listed[name].size:,} bytes; its tensors make {file.size:,}"
            raise CatalogueError(path, reason)
        if file_id(name, file.content) != listed[name].id:
            raise CatalogueError(path, f"its id of {name} is not that of its content")


# --- Making a repo -------------------------------------------------------------------------------


def make_repo(facts: Mapping[str, Any], tensor_list: TensorList | None) -> Repo:
    files = [RepoFile.from_text("README.md", readme(facts, tensor_list))]
    if has_transformers_config(facts):
        files.append(
            RepoFile.from_text("config.json", json.dumps(facts["config"], indent=2) + "\n")
        )
    if tensor_list is not None:
        files += tensor_list.repo_files()
    snapshot = Snapshot(
        MappingProxyType({file.path: file for file in sorted(files, key=lambda file: file.path)}),
        timestamp(facts.get("last_modified")),
        published(facts, tensor_list),
    )
    return Repo(
        id=facts["id"],
        revisions=MappingProxyType({"main": snapshot}),
        created_at=timestamp(facts.get("created_at")),
        downloads=facts.get("downloads"),
        likes=facts.get("likes"),
        gated=facts.get("gated") or False,
        hub_tags=tuple(facts.get("tags") or ()),
        facts_of=snapshot_days(facts),
    )


def has_transformers_config(facts: Mapping[str, Any]) -> bool:
    return "model_type" in (facts.get("config") or {})


def timestamp(date: str | None) -> str | None:
    if date is None:
        return None
    return date if "T" in date else f"{date}T00:00:00.000Z"


def published(facts: Mapping[str, Any], tensor_list: TensorList | None) -> Mapping[str, Any]:
    """The published count. If only its total is known, the headers split it, where they fit."""
    known = facts.get("safetensors")
    if known is None:
        return {}
    counts = known.get("parameters")
    if counts is None:
        rebuilt = tensor_list.parameters if tensor_list else {}
        counts = rebuilt if sum(rebuilt.values()) == known["total"] else {}
    return {"parameters": counts, "total": known["total"]}


def readme(facts: Mapping[str, Any], tensor_list: TensorList | None) -> str:
    metadata = yaml.safe_dump(card_metadata(facts), sort_keys=False, allow_unicode=True)
    original = f"https://huggingface.co/{facts['id']}"
    rows = "\n".join(f"| {name} | {value} |" for name, value in summary(facts).items())
    return (
        f"---\n{metadata}---\n\n# {facts['id']}\n\n"
        "This is a summary of facts, written for a course and served by its practice Hub. "
        f"It is not the model's own card: that one, and the model, are at <{original}>.\n\n"
        f"| Fact | What is known here |\n|---|---|\n{rows}\n\n"
        f"{about_weights(facts, tensor_list)}\n\n"
        "The catalogue file says where each of these figures is from.\n"
    )


def card_metadata(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The card's YAML, in the usual order; what is not known is left out."""
    elsewhere = {
        facts.get("library_name"),
        facts.get("pipeline_tag"),
        *(facts.get("languages") or ()),
    }
    elsewhere |= {(facts.get("config") or {}).get("model_type"), *FILE_TAGS}
    tags = [
        tag
        for tag in facts.get("tags") or ()
        if tag not in elsewhere and not tag.endswith("_compatible")
    ]
    found = {
        "license": facts.get("license"),
        "license_name": facts.get("license_name"),
        "license_link": facts.get("license_link"),
        "language": facts.get("languages"),
        "library_name": facts.get("library_name"),
        "pipeline_tag": facts.get("pipeline_tag"),
        "base_model": facts.get("base_model"),
        "tags": tags or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def summary(facts: Mapping[str, Any]) -> dict[str, str]:
    config = facts.get("config") or {}
    count = facts.get("safetensors") or {}
    parts = ", ".join(f"{dtype} {n:,}" for dtype, n in (count.get("parameters") or {}).items())
    license_name = facts.get("license_name")
    named = f" ({license_name})" if license_name else ""
    gate = facts.get("gated")
    return {
        "Stored parameters": known(count.get("total")) + (f" ({parts})" if parts else ""),
        "How that count is known": known(count.get("total_status")),
        "dtype in the config": known(config.get("dtype") or config.get("torch_dtype")),
        "License in the card's metadata": known(facts.get("license")) + named,
        "Gate on the original": known(gate) + " (treated as none)" if gate is None else GATES[gate],
        "Downloads in 30 days": known(facts.get("downloads")),
        "Likes": known(facts.get("likes")),
        "Day of these figures": snapshot_days(facts),
        "Created": known(facts.get("created_at")),
        "Last modified": known(facts.get("last_modified")),
    }


def snapshot_days(facts: Mapping[str, Any]) -> str:
    days = re.findall(r"\d{4}-\d{2}-\d{2}", str(facts.get("snapshot_source") or ""))
    return ", ".join(dict.fromkeys(days)) or known(None)


def known(value: Any) -> str:
    if value is None:
        return "not known here"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value).replace("|", "\\|")


def about_weights(facts: Mapping[str, Any], tensor_list: TensorList | None) -> str:
    if tensor_list is None:
        reasons = ["No weights are described here.", facts.get("safetensors_note")]
        if not has_transformers_config(facts):
            reasons.append("Nor is there a config.json: this is not a transformers model.")
        return " ".join(filter(None, reasons))
    weights = [file.size for file in tensor_list.listed if is_weights(file.path)]
    agreement = {
        True: "Their parameter count is the published one.",
        False: "Their parameter count is not the published one.",
        None: "No published count is known to compare them with.",
    }
    return (
        f"The weights are not held here: of {len(weights)} safetensors file(s), "
        f"{sum(weights) / 10**9:,.2f} GB in all, only headers can be read. The headers are "
        f"reconstructed: {tensor_list.origin}. {agreement[tensor_list.matches_published]}"
    )
