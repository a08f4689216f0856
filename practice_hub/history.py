"""Routes about versions: branches, commits, and which of some paths exist."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from practice_hub.gatekeeper import may_read
from practice_hub.gates import opened_repo_of, repo_of
from practice_hub.model_info import tree_entry
from practice_hub.repos import Snapshot
from practice_hub.responses import HubError, json_answer
from practice_hub.state import body_of, find_snapshot, is_true

COMMIT_TITLE = "Add model"


def refs(request: Request) -> Response:
    repo = repo_of(request)
    branches = [
        {"name": name, "ref": f"refs/heads/{name}", "targetCommit": snapshot.sha}
        for name, snapshot in repo.revisions.items()
    ]
    found: dict[str, Any] = {"tags": [], "branches": branches, "converts": []}
    if is_true(request.query_params.get("include_prs")):
        found["pullRequests"] = []
    return json_answer(found)


def commits(request: Request) -> Response:
    """A repo here is pushed once, so each of its branches has one commit. Behind the gate.

    Pages are counted from ``p=0``; all but the first are empty.
    """
    repo = opened_repo_of(request)
    at = find_snapshot(repo, request.path_params["revision"])
    commit = {
        "id": at.sha,
        "title": COMMIT_TITLE,
        "message": "",
        "authors": [{"user": repo.owner}],
        "date": at.last_modified,
    }
    is_first = request.query_params.get("p", "0") == "0"
    return json_answer([commit] if is_first else [], headers={"X-Total-Count": "1"})


async def paths_info(request: Request) -> Response:
    """Entries as in the tree; a path that is not there is left out."""
    repo = repo_of(request)
    at = find_snapshot(repo, request.path_params["revision"])
    body = await body_of(request)
    masked = not may_read(repo, request)
    wanted, expand = read_paths(body, request.headers.get("content-type", ""))
    commit = last_commit(at) if expand else None
    return json_answer(
        [tree_entry(path, at.files[path], masked, commit) for path in wanted if path in at.files]
    )


def last_commit(at: Snapshot) -> dict[str, Any]:
    """The one commit of a branch, as the tree names it for each of its files."""
    return {"id": at.sha, "title": COMMIT_TITLE, "date": at.last_modified}


def read_paths(body: bytes, content_type: str) -> tuple[list[str], bool]:
    """The paths and ``expand``, from JSON or from a form with ``paths=`` repeated; each once."""
    if "json" not in content_type:
        form = parse_qsl(body.decode("utf-8", "replace"))
        paths = [value for name, value in form if name == "paths"]
        return list(dict.fromkeys(paths)), is_true(dict(form).get("expand"))
    try:
        content = json.loads(body)
        paths, expand = content["paths"], is_true(str(content.get("expand")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise HubError(400, "✖ Invalid input: expected array\n  → at paths") from None
    found = [str(path) for path in paths] if isinstance(paths, list) else [str(paths)]
    return list(dict.fromkeys(found)), expand
