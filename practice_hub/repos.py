"""What the Hub knows: repos, their revisions and their files.

A held repo is a folder, ``held/<owner>/<name>/``, as its owner would push it. What the Hub itself
knows about it (downloads, likes, gate) stands in ``held/hub.toml``. Everything else (tags,
parameter counts, hashes) is read from the files, as the real Hub does.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

HELD = Path(__file__).parent / "held"
FACTS_FILE = "hub.toml"
LFS_SUFFIXES = frozenset({".safetensors", ".bin", ".pt", ".pth", ".h5", ".onnx", ".gguf"})
VARIANT = re.compile(r"[\w-]+\.(?!safetensors)[\w-]+(-\d{5}-of-\d{5})?\.safetensors")
TAB = re.compile(r"(?m)^([ ]*(?:- )?[\w.-]+:|[ ]*-)[ ]*\t[ \t]*")
MAX_SAFETENSORS_HEADER = 25_000_000
FRONT_MATTER = re.compile(
    r"\A\ufeff?(?:[ \t]*\r?\n)*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL
)


def git_blob_id(content: bytes) -> str:
    """SHA-1 that git gives this content, which is the Hub's ETag for small files."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def lfs_pointer(sha256: str, size: int) -> bytes:
    """The text that git holds in place of a large file."""
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    )


def stable_id(text: str, digits: int) -> str:
    """A hex id that is the same on every machine and at every start."""
    return hashlib.sha1(text.encode()).hexdigest()[:digits]


@dataclass(frozen=True)
class RepoFile:
    """One file at one revision. ``sha256`` is set for files that the Hub keeps in LFS.

    The bytes are on disk (``local``) or made when asked for (``make``). Of described weights only
    the first bytes can be made, the header; ``size`` is that of the whole file.
    """

    path: str
    size: int
    blob_id: str
    sha256: str | None
    local: Path | None = None
    make: Callable[[], bytes] | None = None

    @classmethod
    def from_disk(cls, folder: Path, local: Path) -> RepoFile:
        content = local.read_bytes()
        path = local.relative_to(folder).as_posix()
        if local.suffix not in LFS_SUFFIXES:
            return cls(path, len(content), git_blob_id(content), None, local)
        sha256 = hashlib.sha256(content).hexdigest()
        pointer = lfs_pointer(sha256, len(content))
        return cls(path, len(content), git_blob_id(pointer), sha256, local)

    @classmethod
    def from_text(cls, path: str, text: str) -> RepoFile:
        content = text.encode()
        return cls(path, len(content), git_blob_id(content), None, make=lambda: content)

    @property
    def etag(self) -> str:
        return self.sha256 or self.blob_id

    def read(self) -> bytes:
        """The bytes that exist here."""
        if self.make is not None:
            return self.make()
        assert self.local is not None
        return self.local.read_bytes()


@dataclass(frozen=True)
class Snapshot:
    """The files of a repo at one commit.

    ``published`` is the ``safetensors`` field of a described repo, as the real Hub tells it; {}
    when that is not known. None: count the stored values.
    """

    files: Mapping[str, RepoFile]
    last_modified: str | None
    published: Mapping[str, Any] | None = None

    @cached_property
    def sha(self) -> str:
        """40 hex digits that change when a file does."""
        listing = "\n".join(f"{file.blob_id} {path}" for path, file in sorted(self.files.items()))
        return stable_id(listing, 40)

    @cached_property
    def card(self) -> dict[str, Any] | None:
        """The card's YAML metadata; None when there is no card, {} when nobody can read it."""
        readme = self.files.get("README.md")
        if readme is None:
            return None
        found = FRONT_MATTER.match(readme.read().decode("utf-8", errors="replace"))
        if found is None:
            return {}
        try:
            metadata = read_yaml(found.group(1))
            # As JSON would have it: dates as text, every key a string, nothing that holds itself.
            metadata = json.loads(json.dumps(metadata, default=str))
        except (yaml.YAMLError, ValueError, TypeError, RecursionError):
            return {}
        return metadata if isinstance(metadata, dict) else {}

    def read_json(self, path: str) -> dict[str, Any]:
        """The JSON object in a file; {} when it is missing or is not one."""
        file = self.files.get(path)
        if file is None:
            return {}
        try:
            found = json.loads(file.read())
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @cached_property
    def parameters(self) -> dict[str, int]:
        """Stored values per dtype, from the headers of the safetensors files."""
        counts: dict[str, int] = {}
        for path in self.weights(".safetensors"):
            local = self.files[path].local
            for dtype, shape in safetensors_tensors(local) if local else ():
                values = 1
                for length in shape:
                    values *= length
                counts[dtype] = counts.get(dtype, 0) + values
        return counts

    def weights(self, suffix: str) -> list[str]:
        """The files that hold the model once: no variant and no second copy of the same weights.

        Where there is ``model.safetensors``, or an index that names the shards, that decides.
        """
        found = [path for path in self.files if path.endswith(suffix)]
        if (whole := f"model{suffix}") in self.files:
            return [whole, *(path for path in found if "/" in path and not is_copy(path))]
        shards = self.read_json(f"model{suffix}.index.json").get("weight_map")
        named = set(map(str, shards.values())) if isinstance(shards, dict) else set()
        if named & set(found):
            return [path for path in found if path in named]
        return [path for path in found if not is_copy(path)] or found

    def under(self, folder: str) -> Iterator[tuple[str, RepoFile | None]]:
        """Entries directly in ``folder`` ("" is the root); a folder comes with None."""
        prefix = f"{folder}/" if folder else ""
        seen: set[str] = set()
        for path, file in sorted(self.files.items()):
            if not path.startswith(prefix):
                continue
            name, _, rest = path[len(prefix) :].partition("/")
            if rest and name not in seen:
                seen.add(name)
                yield prefix + name, None
            elif not rest:
                yield path, file


def is_copy(path: str) -> bool:
    """Whether these weights repeat others in the repo: ``model.fp16.safetensors``, say."""
    name = path.rpartition("/")[2]
    return name.startswith("consolidated.") or VARIANT.fullmatch(name) is not None


class HubYaml(yaml.SafeLoader):
    """YAML as the Hub reads it (1.2): only true and false are booleans, so Norwegian is ``no``."""


HubYaml.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:bool"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
HubYaml.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")
)


def read_yaml(text: str) -> Any:
    """A card's metadata. A tab may stand behind a colon, which PyYAML does not allow."""
    return yaml.load(TAB.sub(r"\1 ", text), HubYaml)  # noqa: S506  (a safe loader)


def safetensors_tensors(path: Path) -> Iterator[tuple[str, list[int]]]:
    """dtype and shape of every tensor that the header of a safetensors file names.

    The format: 8 bytes little-endian header length, then that many bytes of JSON.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_SAFETENSORS_HEADER:
            return
        try:
            header = json.loads(file.read(length))
        except ValueError:
            return
    for name, tensor in header.items():
        if name != "__metadata__":
            yield tensor["dtype"], tensor["shape"]


@dataclass(frozen=True)
class Repo:
    """A model repo, as the Hub knows it. None stands for what is not known.

    ``hub_tags`` are tags that the Hub gives it beside those that follow from its files.
    ``facts_of`` is set for described models: the days of their facts.
    """

    id: str
    revisions: Mapping[str, Snapshot]
    created_at: str | None
    downloads: int | None = 0
    likes: int | None = 0
    gated: bool | str = False
    private: bool = False
    downloads_all_time: int | None = None
    hub_tags: tuple[str, ...] = ()
    facts_of: str | None = None

    @property
    def described(self) -> bool:
        """Whether only facts are known here, of the day ``facts_of``, and no file is held."""
        return self.facts_of is not None and not any(f.local for f in self.main.files.values())

    @property
    def staged(self) -> bool:
        """Whether its downloads and likes were made up for the course."""
        return self.facts_of is None and self.downloads is not None

    @property
    def trending_score(self) -> int | None:
        return None if self.likes is None else self.likes // 10

    @property
    def owner(self) -> str:
        return self.id.split("/")[0]

    @property
    def main(self) -> Snapshot:
        return self.revisions["main"]

    def snapshot(self, revision: str) -> Snapshot | None:
        """By branch name or by commit sha (whole, or its first 7 digits or more)."""
        revision = "main" if revision == "HEAD" else revision.removeprefix("refs/heads/")
        if revision in self.revisions:
            return self.revisions[revision]
        if not re.fullmatch(r"[0-9a-f]{7,40}", revision):
            return None
        for snapshot in self.revisions.values():
            if snapshot.sha.startswith(revision):
                return snapshot
        return None


def load_folder(folder: Path, repo_id: str, facts: Mapping[str, Any]) -> Repo:
    """Read one repo from a folder. ``facts`` is its table in ``hub.toml``."""
    files = {
        file.path: file
        for local in sorted(folder.rglob("*"))
        if local.is_file() and not local.is_symlink() and "__pycache__" not in local.parts
        for file in [RepoFile.from_disk(folder, local)]
    }
    created = f"{facts['created']}T00:00:00.000Z"
    modified = f"{facts.get('modified', facts['created'])}T00:00:00.000Z"
    return Repo(
        id=repo_id,
        revisions=MappingProxyType({"main": Snapshot(MappingProxyType(files), modified)}),
        created_at=created,
        downloads=facts.get("downloads", 0),
        downloads_all_time=facts.get("downloads_all_time"),
        likes=facts.get("likes", 0),
        gated=facts.get("gated", False),
        private=facts.get("private", False),
    )


def load_held(folder: Path = HELD) -> dict[str, Repo]:
    """Every repo that ``hub.toml`` names, by id."""
    facts = tomllib.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
    return {repo_id: load_folder(folder / repo_id, repo_id, facts[repo_id]) for repo_id in facts}
