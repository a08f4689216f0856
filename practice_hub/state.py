"""What a request can reach: the repos, the people, and who is asking."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.types import Scope

from practice_hub.accounts import LEARNER, Accounts, Caller
from practice_hub.names import INSTRUCTOR, Names
from practice_hub.repos import Repo, Snapshot
from practice_hub.responses import (
    LOG_IN,
    HubError,
    not_logged_in,
    revision_not_found,
    token_expired,
)

LONGEST_BODY = 100_000


@dataclass(frozen=True)
class HubState:
    """One start of the Hub. ``instance`` tells it from the next one; ``names`` are a room's."""

    repos: Mapping[str, Repo]
    accounts: Accounts
    instance: str
    names: Names | None = None


def hub_of(request: Request) -> HubState:
    hub: HubState = request.app.state.hub
    return hub


def caller_of(request: Request) -> Caller:
    """Who asks, by the token sent. A bad one is told apart from none at all."""
    return hub_of(request).accounts.identify(request.headers.get("authorization"))


def refuse_bad_token(request: Request) -> None:
    """A bad token is refused even where none at all would do."""
    caller = caller_of(request)
    if caller.expired:
        raise token_expired(caller.expired)
    if caller.bad_token:
        raise HubError(401, "Invalid credentials in Authorization header", None, LOG_IN)


def known_caller_of(request: Request) -> Caller:
    """Who asks, where a name is needed.

    Raises:
        HubError: 401, there is no token or it is not valid.
    """
    caller = caller_of(request)
    if caller.expired:
        raise token_expired(caller.expired)
    if caller.token is None:
        raise not_logged_in()
    return caller


def address_of_client(scope: Scope) -> str:
    """Where a request comes from; "nobody" where the server was not told."""
    return str((scope.get("client") or ("nobody", 0))[0])


def address_of(request: Request) -> str:
    """What stands before every path here: host, port, and a room's key, name and secret."""
    return origin_of(request) + root_of(request)


def shown_address(request: Request) -> str:
    """The same for people to read: without the secret."""
    return origin_of(request) + str(request.scope.get("shown_root", root_of(request)))


def origin_of(request: Request) -> str:
    return f"{request.url.scheme}://{request.scope.get('own_host', request.url.netloc)}"


def root_of(request: Request) -> str:
    """What stands before every path: "" or, in a room, the key, the learner's name and secret."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def is_true(value: str | None) -> bool:
    """Whether a query says yes: clients write ``true``, people write ``1``."""
    return (value or "").lower() in ("true", "1")


def visitor_of(request: Request) -> str:
    """Who clicks on the pages: in a room the learner that the address names."""
    return str(request.scope.get("visitor", LEARNER))


def sees_everybody(request: Request) -> bool:
    """Whether this visitor may see and decide what belongs to others.

    Alone there are no others; in a room the instructor may.
    """
    return not request.scope.get("in_room") or visitor_of(request) == INSTRUCTOR


def find_snapshot(repo: Repo, revision: str) -> Snapshot:
    snapshot = repo.snapshot(revision)
    if snapshot is None:
        raise revision_not_found(revision)
    return snapshot


def split_revision(repo: Repo, rest: str) -> tuple[str, Snapshot, str]:
    """``main/folder/file`` into revision, its files, and the path.

    Pull requests are ``refs/pr/N``.

    Raises:
        HubError: 404, there is no such revision; 400, the path climbs up.
    """
    parts = rest.split("/")
    if ".." in parts:
        raise HubError(400, "A path may not contain '..'.")
    length = 3 if parts[0] == "refs" else 1
    revision = "/".join(parts[:length])
    return revision, find_snapshot(repo, revision), "/".join(parts[length:]).strip("/")


def refuse_cross_site(request: Request) -> None:
    """A form counts only when it was sent from this Hub's own pages.

    Raises:
        HubError: 403, the browser says that another site sent it.
    """
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site") == "cross-site":
        raise HubError(
            403, "This form was sent from another site. Use the practice Hub's own page."
        )


async def body_of(request: Request) -> bytes:
    """The body, read no further than it may be long.

    Raises:
        HubError: 413, it is longer.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise HubError(413, f"A body here has at most {LONGEST_BODY:,} bytes.")
    return body


async def json_of(request: Request) -> dict[str, Any]:
    """The JSON object of a body; {} for an empty one.

    Raises:
        ValueError: it is not JSON, not an object, or not text that can be sent on.
    """
    try:
        content = json.loads(await body_of(request) or b"{}")
        json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair ends here
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return content


async def form_of(request: Request) -> dict[str, str]:
    """A form as browsers and OAuth clients send it."""
    body = await body_of(request)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
