"""The practice Hub as a web application: one function a route."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from practice_hub.answers import (
    HubError,
    entry_not_found,
    json_answer,
    page_not_found,
    repo_not_found,
    revision_not_found,
)
from practice_hub.model_info import describe, sibling, tree_entry
from practice_hub.model_list import answer_list, expand_fields
from practice_hub.repos import Repo, Snapshot

NAME = "practice-hub"


def create_app(repos: Mapping[str, Repo], instance: str = "") -> Starlette:
    """The application over these repos. ``instance`` tells one start of the Hub from another."""

    def find_repo(request: Request) -> Repo:
        names = request.path_params
        repo = repos.get(f"{names.get('owner', '')}/{names['name']}")
        if repo is None:
            raise repo_not_found()
        return repo

    def find_snapshot(repo: Repo, revision: str) -> Snapshot:
        snapshot = repo.snapshot(revision)
        if snapshot is None:
            raise revision_not_found(revision)
        return snapshot

    def who_is_there(request: Request) -> Response:
        return json_answer({"hub": NAME, "instance": instance, "models": len(repos)})

    def list_models(request: Request) -> Response:
        return answer_list(request, repos.values())

    def model_info(request: Request) -> Response:
        repo = find_repo(request)
        at = find_snapshot(repo, request.path_params.get("revision", "main"))
        found = describe(repo, at, expand_fields(request.query_params))
        if request.query_params.get("blobs", "").lower() in ("true", "1"):
            found["siblings"] = [sibling(file, blobs=True) for file in at.files.values()]
        return json_answer(found)

    def tree(request: Request) -> Response:
        repo = find_repo(request)
        at, folder = split_revision(repo, request.path_params["rest"])
        if request.query_params.get("recursive", "").lower() in ("true", "1"):
            prefix = f"{folder}/" if folder else ""
            found = [(path, file) for path, file in at.files.items() if path.startswith(prefix)]
        else:
            found = list(at.under(folder))
        if folder and not found:
            raise entry_not_found(at.sha)
        return json_answer([tree_entry(path, file) for path, file in found])

    def resolve(request: Request) -> Response:
        repo = find_repo(request)
        at, path = split_revision(repo, request.path_params["rest"])
        file = at.files.get(path)
        if file is None:
            raise entry_not_found(at.sha)
        binary = file.sha256 is not None
        return FileResponse(
            file.local,
            headers={"ETag": f'"{file.etag}"', "X-Repo-Commit": at.sha},
            media_type="application/octet-stream" if binary else "text/plain; charset=utf-8",
        )

    def split_revision(repo: Repo, rest: str) -> tuple[Snapshot, str]:
        """``main/folder/file`` into snapshot and path; pull requests are ``refs/pr/N``."""
        parts = rest.split("/")
        if ".." in parts:
            raise HubError(400, "A path may not contain '..'.")
        length = 3 if parts[0] == "refs" else 1
        at = find_snapshot(repo, "/".join(parts[:length]))
        return at, "/".join(parts[length:]).strip("/")

    async def hub_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HubError)
        return error.answer(request)

    async def no_such_page(request: Request, error: Exception) -> Response:
        return page_not_found().answer(request)

    async def broken(request: Request, error: Exception) -> Response:
        return HubError(500, "Internal Error - We're working hard to fix this.").answer(request)

    api, repo = "/api/models", "{owner}/{name}"
    return Starlette(
        routes=[
            Route("/api/practice-hub", who_is_there),
            Route(api, list_models),
            Route(f"{api}/{{name}}", model_info),
            Route(f"{api}/{repo}", model_info),
            Route(f"{api}/{repo}/revision/{{revision:path}}", model_info),
            Route(f"{api}/{repo}/tree/{{rest:path}}", tree),
            Route(f"/{repo}/resolve/{{rest:path}}", resolve),
        ],
        exception_handlers={HubError: hub_error, HTTPException: no_such_page, Exception: broken},
        middleware=[Middleware(RequestId)],
    )


class RequestId:
    """Marks every answer with an id that a report of trouble can quote."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                request_id = f"Root=1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]}"
                message["headers"] += [
                    (b"x-request-id", request_id.encode()),
                    (b"x-powered-by", NAME.encode()),
                ]
            await send(message)

        await self.app(scope, receive, send_marked)
