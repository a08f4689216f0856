"""Routes at a gate: may I, let me in, and the owner's side of it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from practice_hub.accounts import OWNER, STATUSES, AccountError, GateRequest
from practice_hub.gatekeeper import is_visible, open_gate, see
from practice_hub.repos import Repo, stable_id
from practice_hub.responses import HubError, json_answer, text_answer
from practice_hub.state import (
    address_of,
    caller_of,
    form_of,
    hub_of,
    json_of,
    known_caller_of,
    refuse_bad_token,
    refuse_cross_site,
    visitor_of,
)

NAMED_IN_ERRORS = ("accepted", "rejected", "pending", "reset")  # ``STATUSES`` in the Hub's order
NO_RIGHT = "You have read access but not the required permissions for this operation"


def repo_of(request: Request) -> Repo:
    """The repo that the address names, if the caller may see it.

    Raises:
        HubError: there is none, or the token is not valid. A bad token opens nothing here, not
            even what is open to all.
    """
    refuse_bad_token(request)
    return see(named_repo(request), caller_of(request))


def opened_repo_of(request: Request) -> Repo:
    """The same, for what lies behind its gate. There a bad token looks like none at all."""
    repo = named_repo(request)
    if repo is not None and repo.gated and is_visible(repo, caller_of(request).user):
        open_gate(repo, request)
        return repo
    repo = repo_of(request)
    open_gate(repo, request)
    return repo


def named_repo(request: Request) -> Repo | None:
    owner, name = request.path_params.get("owner"), request.path_params["name"]
    return hub_of(request).repos.get(f"{owner}/{name}" if owner else name)


def auth_check(request: Request) -> Response:
    opened_repo_of(request)
    return text_answer("OK")


async def ask_access(request: Request) -> Response:
    """What the Agree button of a gate's form sends, from a browser or with a token."""
    caller = caller_of(request)
    if caller.token is None:
        refuse_cross_site(request)
    user = caller.user or visitor_of(request)
    repo = gated_repo(request)
    fields = await form_of(request)
    fields.pop("next", None)
    missing = [name for name in gate_fields(repo) if not fields.get(name)]
    if missing:
        raise HubError(400, f"The form needs: {', '.join(missing)}")
    try:
        hub_of(request).accounts.ask(user, repo.id, str(repo.gated), fields)
    except AccountError as error:
        raise HubError(413, str(error)) from None
    page = f"{address_of(request)}/{repo.id}"
    return text_answer(f"See Other. Redirecting to {page}", 303, {"Location": page})


def gated_repo(request: Request) -> Repo:
    repo = repo_of(request)
    if not repo.gated:
        raise HubError(400, f"model {repo.id} is not gated", "RepoNotGated")
    return repo


def gate_fields(repo: Repo) -> dict[str, Any]:
    """The questions of the gate's form: label → kind of answer."""
    fields = (repo.main.card or {}).get("extra_gated_fields")
    return fields if isinstance(fields, dict) else {}


async def grant_access(request: Request) -> Response:
    """The owner lets somebody in who did not ask."""
    repo = gated_repo(request)
    owner_only(request, repo)
    wanted = await read_body(request, "user")
    accounts = hub_of(request).accounts
    accounts.ask(wanted["user"], repo.id, "manual", {})
    granted = accounts.request_of(wanted["user"], repo.id)
    if granted is not None and granted.status != "accepted":
        accounts.review(wanted["user"], repo.id, "accepted")
    return json_answer({})


def report(request: Request) -> Response:
    """Everybody who asked for access, as a report for the owner to keep."""
    repo = gated_repo(request)
    owner_only(request, repo)
    accounts = hub_of(request).accounts
    rows = []
    for made in (made for status in STATUSES for made in accounts.requests_at(repo.id, status)):
        described = describe_request(made)
        person = described.pop("user")
        row = {key: person[key] for key in ("fullname", "user", "email")}
        row |= {"time": described.pop("timestamp"), "status": described["status"]}
        if "reviewedAt" in described:
            row["reviewedAt"] = described["reviewedAt"]
        if "grantedBy" in described:
            granter = described["grantedBy"]
            row["grantedBy"] = {key: granter[key] for key in ("fullname", "user")}
        rows.append(row)
    return json_answer(rows, headers={"Content-Type": "application/json"})


async def read_body(request: Request, *names: str) -> dict[str, str]:
    """The named strings of a JSON body."""
    try:
        content = await json_of(request)
        return {name: str(content[name]) for name in names}
    except (ValueError, KeyError):
        expected = " and ".join(f'"{name}"' for name in names)
        raise HubError(400, f"✖ Invalid input: expected {expected}\n  → at body") from None


def cancel_request(request: Request) -> Response:
    user = known_caller_of(request).user
    assert user is not None
    try:
        hub_of(request).accounts.cancel(user, gated_repo(request).id)
    except AccountError as error:
        raise HubError(404, str(error)) from None
    return json_answer({"ok": True})


def list_requests(request: Request) -> Response:
    repo = repo_of(request)
    owner_only(request, repo)
    status = request.path_params["status"]
    if status not in STATUSES:
        raise HubError(404, "Sorry, we can't find the page you are looking for.")
    found = hub_of(request).accounts.requests_at(repo.id, status)
    return json_answer([describe_request(made) for made in found])


async def handle_request(request: Request) -> Response:
    """The owner accepts, rejects, resets, or puts back to pending."""
    repo = gated_repo(request)
    owner_only(request, repo)
    wanted = await read_body(request, "user", "status")
    user, status = wanted["user"], wanted["status"]
    if status not in STATUSES:
        options = "|".join(f'"{option}"' for option in NAMED_IN_ERRORS)
        raise HubError(400, f"✖ Invalid option: expected one of {options}\n  → at status")
    try:
        hub_of(request).accounts.review(user, repo.id, status)
    except AccountError as error:
        raise HubError(404, str(error)) from None
    return json_answer({})


def owner_only(request: Request, repo: Repo) -> None:
    if known_caller_of(request).user not in (repo.owner, OWNER):
        raise HubError(403, NO_RIGHT)


def describe_person(user: str) -> dict[str, Any]:
    return {
        "_id": stable_id(user, 24),
        "avatarUrl": f"/avatars/{stable_id(user, 32)}.svg",
        "isPro": False,
        "fullname": user.title(),
        "user": user,
        "type": "user",
    }


def describe_request(made: GateRequest) -> dict[str, Any]:
    person = describe_person(made.user)
    asker = {**person, "verifiedOrgNames": [], "email": f"{made.user}@practice.invalid"}
    found: dict[str, Any] = {
        "requestId": stable_id(f"{made.user} {made.repo_id}", 24),
        "user": asker,
        "timestamp": made.asked_at,
        "status": made.status,
    }
    if made.reviewed_at:
        found["reviewedAt"] = made.reviewed_at
    if made.reviewer:
        found["grantedBy"] = describe_person(made.reviewer)
    if made.fields:
        found["fields"] = made.fields
    return found
