"""What ``/api/models`` tells of one repo, field by field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from practice_hub.repos import Repo, RepoFile, Snapshot, stable_id

AUTO_CLASSES = {
    "text-generation": "AutoModelForCausalLM",
    "fill-mask": "AutoModelForMaskedLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "feature-extraction": "AutoModel",
}

SCANNERS = ("jFrogScan", "protectAiScan", "avScan", "pickleImportScan", "virusTotalScan")
UNSCANNED = {"status": "unscanned", **{name: {"status": "unscanned"} for name in SCANNERS}}


def as_list(value: Any) -> list[str]:
    """Card fields hold a string, a list, or nothing."""
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def library_name(snapshot: Snapshot) -> str | None:
    named = (snapshot.card or {}).get("library_name")
    if named:
        return str(named)
    return "transformers" if "model_type" in snapshot.read_json("config.json") else None


def pipeline_tag(snapshot: Snapshot) -> str | None:
    named = (snapshot.card or {}).get("pipeline_tag")
    return str(named) if named else None


def tags(repo: Repo, snapshot: Snapshot) -> list[str]:
    """In the Hub's order: what it runs with, what it is, what its card says."""
    card = snapshot.card or {}
    names = snapshot.files
    found = [library_name(snapshot)]
    found += ["pytorch"] * any(name.endswith(".bin") for name in names)
    found += ["safetensors"] * any(name.endswith(".safetensors") for name in names)
    model_type = snapshot.read_json("config.json").get("model_type")
    found += [str(model_type) if model_type else None, pipeline_tag(snapshot)]
    found += as_list(card.get("tags"))
    found += repo.hub_tags
    found += ["conversational"] * ("chat_template.jinja" in names)
    found += as_list(card.get("language"))
    found += [f"dataset:{name}" for name in as_list(card.get("datasets"))]
    relation = str(card.get("base_model_relation") or "finetune")
    for base in as_list(card.get("base_model")):
        found += [f"base_model:{base}", f"base_model:{relation}:{base}"]
    found += [f"license:{name}" for name in as_list(card.get("license"))]
    found += ["region:us"]
    return list(dict.fromkeys(tag for tag in found if tag))


def sibling(file: RepoFile, blobs: bool, masked: bool = False) -> dict[str, Any]:
    if not blobs:
        return {"rfilename": file.path}
    found: dict[str, Any] = {"rfilename": file.path, "blobId": file.blob_id, "size": file.size}
    if file.sha256:
        sha256 = "*" * 64 if masked else file.sha256
        found["lfs"] = {"sha256": sha256, "size": file.size, "pointerSize": pointer_size(file)}
    return found


def tree_entry(
    path: str, file: RepoFile | None, masked: bool = False, commit: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A row of the tree; a folder comes without a file. ``masked`` hides the SHA-256.

    ``commit`` is told with it where the caller asked for that (``expand``), and for a file also
    what the Hub's scanners found in it: nothing is scanned here.
    """
    expanded: dict[str, Any] = {"lastCommit": commit} if commit else {}
    if file is None:
        folder = {"type": "directory", "oid": stable_id(path, 40), "size": 0, "path": path}
        return folder | expanded
    entry: dict[str, Any] = {"type": "file", "oid": file.blob_id, "size": file.size}
    if file.sha256:
        oid = "*" * 64 if masked else file.sha256
        entry["lfs"] = {"oid": oid, "size": file.size, "pointerSize": pointer_size(file)}
    if commit:
        expanded["securityFileStatus"] = UNSCANNED
    return {**entry, "path": path, **expanded}


def pointer_size(file: RepoFile) -> int:
    return 125 + len(str(file.size))


def safetensors(snapshot: Snapshot) -> dict[str, Any] | None:
    if snapshot.published is not None:
        return dict(snapshot.published) or None
    if not snapshot.parameters:
        return None
    return {"parameters": snapshot.parameters, "total": sum(snapshot.parameters.values())}


def config(snapshot: Snapshot) -> dict[str, Any]:
    whole = snapshot.read_json("config.json")
    names = ("architectures", "model_type", "auto_map")
    found: dict[str, Any] = {key: whole[key] for key in names if key in whole}
    if found:
        tokenizer = snapshot.read_json("tokenizer_config.json")
        special = ("bos_token", "eos_token", "mask_token", "pad_token", "unk_token")
        found["tokenizer_config"] = {key: tokenizer[key] for key in special if tokenizer.get(key)}
    return found


def transformers_info(snapshot: Snapshot) -> dict[str, str] | None:
    task = pipeline_tag(snapshot)
    if library_name(snapshot) != "transformers" or task not in AUTO_CLASSES:
        return None
    return {"auto_model": AUTO_CLASSES[task], "pipeline_tag": task, "processor": "AutoTokenizer"}


def mask_token(snapshot: Snapshot) -> str | None:
    if pipeline_tag(snapshot) != "fill-mask":
        return None
    token = snapshot.read_json("tokenizer_config.json").get("mask_token")
    return token if isinstance(token, str) else None


def model_index(snapshot: Snapshot) -> Any:
    return (snapshot.card or {}).get("model-index")


def base_models(snapshot: Snapshot) -> dict[str, Any] | None:
    card = snapshot.card or {}
    names = as_list(card.get("base_model"))
    if not names:
        return None
    return {
        "relation": str(card.get("base_model_relation") or "finetune"),
        "models": [{"_id": stable_id(name, 24), "id": name} for name in names],
    }


def unknown(repo: Repo, at: Snapshot) -> None:
    """For a field that may be asked for, and of which nothing is known here."""


# One entry a field, in the order in which the Hub sends them. A field that is None is left out.
FIELDS: dict[str, Callable[[Repo, Snapshot], Any]] = {
    "private": lambda repo, at: repo.private,
    "pipeline_tag": lambda repo, at: pipeline_tag(at),
    "library_name": lambda repo, at: library_name(at),
    "tags": tags,
    "downloads": lambda repo, at: repo.downloads,
    "downloadsAllTime": lambda repo, at: repo.downloads_all_time,
    "likes": lambda repo, at: repo.likes,
    "trendingScore": lambda repo, at: repo.trending_score,
    "author": lambda repo, at: repo.owner,
    "sha": lambda repo, at: at.sha,
    "lastModified": lambda repo, at: at.last_modified,
    "gated": lambda repo, at: repo.gated,
    "disabled": lambda repo, at: False,
    "mask_token": lambda repo, at: mask_token(at),
    "widgetData": lambda repo, at: (at.card or {}).get("widget"),
    "model-index": lambda repo, at: model_index(at),
    "config": lambda repo, at: config(at),
    "cardData": lambda repo, at: at.card,
    "baseModels": lambda repo, at: base_models(at),
    "transformersInfo": lambda repo, at: transformers_info(at),
    "siblings": lambda repo, at: [sibling(file, blobs=False) for file in at.files.values()],
    "spaces": lambda repo, at: [],
    "createdAt": lambda repo, at: repo.created_at,
    "safetensors": lambda repo, at: safetensors(at),
    "usedStorage": lambda repo, at: sum(file.size for file in at.files.values()),
    "childrenModelCount": unknown,
    "evalResults": unknown,
    "gguf": unknown,
    "inference": unknown,
    "inferenceProviderMapping": unknown,
    "resourceGroup": unknown,
    "xetEnabled": unknown,
}
# A field of this Hub alone: whether a repo's weights are held here, or only described.
MARK = "practiceHub"
ONLY_ON_REQUEST = {"downloadsAllTime", "trendingScore", "baseModels"}
NOT_IN_LISTS = {"usedStorage", "childrenModelCount"}
IN_SHORT_LIST = (
    "likes",
    "trendingScore",
    "private",
    "downloads",
    "tags",
    "pipeline_tag",
    "library_name",
    "createdAt",
)


def describe(repo: Repo, at: Snapshot, wanted: list[str] | None = None) -> dict[str, Any]:
    """The answer for one repo at one commit; ``wanted`` names the fields, None means the usual."""
    names = [name for name in FIELDS if name in wanted] if wanted is not None else usual_fields()
    found: dict[str, Any] = {"_id": stable_id(repo.id, 24), "id": repo.id}
    for name in names:
        value = FIELDS[name](repo, at)
        if value is not None:
            found[name] = value
    found[MARK] = "described" if repo.described else "held"
    if wanted is None:
        found["modelId"] = repo.id
        if at.card is not None:
            found["model-index"] = model_index(at)
    return found


def list_item(repo: Repo, wanted: list[str] | None, full: bool) -> dict[str, Any]:
    """A row of the model list: short, unless fields or all of them were asked for."""
    if full:
        return describe(repo, repo.main)
    item = describe(repo, repo.main, list(IN_SHORT_LIST) if wanted is None else wanted)
    return {**item, "modelId": repo.id} if wanted is None else item


def usual_fields() -> list[str]:
    return [name for name in FIELDS if name not in ONLY_ON_REQUEST]
