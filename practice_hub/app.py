"""The practice Hub as a web application: its routes, and what every answer carries."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from practice_hub import gates, history, login, visitor_calls
from practice_hub.accounts import Accounts
from practice_hub.file_responses import TOKENIZER, file_answer, tokenizer_not_held
from practice_hub.foreign_tokens import ForeignTokens
from practice_hub.gatekeeper import OPEN_FILES, is_visible, may_read
from practice_hub.gates import opened_repo_of, repo_of
from practice_hub.limits import NAME, HubHeaders
from practice_hub.model_info import describe, sibling, tree_entry
from practice_hub.model_list import answer_list, expand_fields
from practice_hub.names import Names
from practice_hub.not_here import NOT_HERE_ROUTES
from practice_hub.pages import PAGE_ROUTES, error_page
from practice_hub.paging import LARGEST_PAGE, page_of
from practice_hub.renamed import OldNames
from practice_hub.repos import Repo, RepoFile, lfs_pointer
from practice_hub.responses import (
    HubError,
    entry_not_found,
    json_answer,
    page_not_found,
    route_path,
    server_error,
)
from practice_hub.state import (
    HubState,
    caller_of,
    find_snapshot,
    hub_of,
    is_true,
    refuse_bad_token,
    split_revision,
    wants_page,
)
from practice_hub.trouble import Trouble
from practice_hub.visitor import PATH

LARGEST_EXPANDED = 50  # entries of a tree that come with their last commit


def create_app(
    repos: Mapping[str, Repo],
    instance: str = "",
    accounts: Accounts | None = None,
    names: Names | None = None,
) -> Starlette:
    """The application over these repos.

    ``instance`` tells one start of the Hub from another; ``names`` are those of a room.
    """
    api, repo = "/api/models", "{owner}/{name}"
    asked = f"{api}/{repo}/user-access-request"
    app = Starlette(
        routes=[
            Route("/api/practice-hub", who_is_there),
            Route(PATH, visitor_calls.answer_action, methods=["POST"]),
            Route("/api/whoami-v2", login.whoami),
            Route("/oauth/device", login.begin_device_login, methods=["POST"]),
            Route("/oauth/token", login.grant_token, methods=["POST"]),
            Route(api, list_models),
            Route(f"{api}/{{name}}", model_info),
            Route(f"{api}/{repo}", model_info),
            Route(f"{api}/{repo}/revision/{{revision:path}}", model_info),
            Route(f"{api}/{repo}/tree/{{rest:path}}", tree),
            Route(f"{api}/{repo}/refs", history.refs),
            Route(f"{api}/{repo}/commits/{{revision:path}}", history.commits),
            Route(
                f"{api}/{repo}/paths-info/{{revision:path}}", history.paths_info, methods=["POST"]
            ),
            Route(f"{api}/{repo}/auth-check", gates.auth_check),
            Route(f"{asked}/cancel", gates.cancel_request, methods=["POST"]),
            Route(f"{asked}/grant", gates.grant_access, methods=["POST"]),
            Route(f"{asked}/handle", gates.handle_request, methods=["POST"]),
            Route(f"{asked}/{{status}}", gates.list_requests),
            Route(f"/{repo}/ask-access", gates.ask_access, methods=["POST"]),
            Route(f"/{repo}/user-access-report", gates.report),
            *NOT_HERE_ROUTES,
            Route(f"/{repo}/raw/{{rest:path}}", raw),
            Route(f"/{repo}/resolve/{{rest:path}}", resolve),
            Route("/{name}/resolve/{rest:path}", resolve),
            *PAGE_ROUTES,
        ],
        exception_handlers={HubError: hub_error, HTTPException: no_such_page, Exception: broken},
        middleware=[
            Middleware(HubHeaders),
            Middleware(ForeignTokens),
            Middleware(OldNames, repos=repos),
            Middleware(Trouble),
        ],
    )
    app.state.hub = HubState(repos, accounts or Accounts(), instance, names)
    return app


def who_is_there(request: Request) -> Response:
    hub = hub_of(request)
    return json_answer({"hub": NAME, "instance": hub.instance, "models": len(hub.repos)})


def list_models(request: Request) -> Response:
    refuse_bad_token(request)
    user = caller_of(request).user
    repos = hub_of(request).repos.values()
    return answer_list(request, [repo for repo in repos if is_visible(repo, user)])


def model_info(request: Request) -> Response:
    repo = repo_of(request)
    at = find_snapshot(repo, request.path_params.get("revision", "main"))
    found = describe(repo, at, expand_fields(request.query_params))
    if is_true(request.query_params.get("blobs")):
        masked = not may_read(repo, request)
        found["siblings"] = [sibling(file, True, masked) for file in at.files.values()]
    return json_answer(found)


def tree(request: Request) -> Response:
    """The files at a revision; who may not read them does not see their SHA-256 either."""
    repo = repo_of(request)
    _, at, folder = split_revision(repo, request.path_params["rest"])
    found: list[tuple[str, RepoFile | None]]
    if is_true(request.query_params.get("recursive")):
        prefix = f"{folder}/" if folder else ""
        found = [(path, file) for path, file in at.files.items() if path.startswith(prefix)]
    else:
        found = list(at.under(folder))
    if folder and not found:
        raise entry_not_found(at.sha)
    masked = not may_read(repo, request)
    expand = is_true(request.query_params.get("expand"))
    commit = history.last_commit(at) if expand else None
    page, headers = page_of(request, found, LARGEST_EXPANDED if expand else LARGEST_PAGE)
    entries = [tree_entry(path, file, masked, commit) for path, file in page]
    return json_answer(entries, headers=headers)


def resolve(request: Request) -> Response:
    rest = request.path_params["rest"]
    is_open = rest.partition("/")[2] in OPEN_FILES
    repo = repo_of(request) if is_open else opened_repo_of(request)
    _, at, path = split_revision(repo, rest)
    file = at.files.get(path)
    if file is None and repo.described and path == TOKENIZER:
        return tokenizer_not_held(request, repo.id, at.sha)
    if file is None:
        raise entry_not_found(at.sha)
    return file_answer(request, repo.id, file, at.sha)


def raw(request: Request) -> Response:
    """As ``resolve``, but a gate keeps back every file, and a large one is sent as its pointer."""
    repo = opened_repo_of(request)
    _, at, path = split_revision(repo, request.path_params["rest"])
    file = at.files.get(path)
    if file is None:
        raise entry_not_found(at.sha)
    if file.sha256:
        pointer = RepoFile.from_text(path, lfs_pointer(file.sha256, file.size).decode())
        return file_answer(request, repo.id, pointer, at.sha)
    return file_answer(request, repo.id, file, at.sha)


async def hub_error(request: Request, error: Exception) -> Response:
    """Tell a program of the refusal by headers and text, a browser by a page."""
    assert isinstance(error, HubError)
    is_page = not re.match(r"/api/|/[^/]+(/[^/]+)?/(resolve|raw)/", route_path(request))
    if wants_page(request) and is_page and error.status != 307:
        return error_page(request, error)
    return error.answer(request)


async def no_such_page(request: Request, error: Exception) -> Response:
    return await hub_error(request, page_not_found())


async def broken(request: Request, error: Exception) -> Response:
    return server_error()
