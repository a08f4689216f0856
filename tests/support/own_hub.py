"""A Hub of a test's own repos, made of texts, that this process's client is pointed at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import huggingface_hub.constants
import pytest

from practice_hub.app import create_app
from practice_hub.repos import Repo, RepoFile, Snapshot
from tests.support.servers import app_server


def repo(
    repo_id: str, files: Mapping[str, str | bytes], gated: str | bool = False, private: bool = False
) -> Repo:
    made = {path: _file(path, content) for path, content in sorted(files.items())}
    snapshot = Snapshot(MappingProxyType(made), "2026-01-01T00:00:00.000Z")
    return Repo(
        id=repo_id,
        revisions=MappingProxyType({"main": snapshot}),
        created_at="2026-01-01T00:00:00.000Z",
        gated=gated,
        private=private,
    )


def _file(path: str, content: str | bytes) -> RepoFile:
    if isinstance(content, str):
        return RepoFile.from_text(path, content)
    return RepoFile(path, len(content), f"{hash(content):040x}"[:40], None, make=lambda: content)


@contextmanager
def serving(*repos: Repo) -> Iterator[str]:
    """The address of a Hub that holds just these repos; the client asks it meanwhile."""
    app = create_app({one.id: one for one in repos}, "own")
    with app_server(app) as url, pytest.MonkeyPatch.context() as patch:
        files = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        patch.setattr(huggingface_hub.constants, "ENDPOINT", url)
        patch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        yield url
