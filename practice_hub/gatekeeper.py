"""Decides, for every request at a repo, whether the caller may have what was asked for."""

from __future__ import annotations

from starlette.requests import Request

from practice_hub.accounts import OWNER, Caller
from practice_hub.repos import Repo
from practice_hub.responses import LOG_IN, HubError, repo_not_found
from practice_hub.state import caller_of, hub_of, shown_address

# At the root of a gated repo these stay open, so that one can read before one agrees.
OPEN_FILES = frozenset({"README.md", "LICENSE", "LICENSE.md", "LICENSE.txt"})
FINE_GRAINED_REFUSAL = (
    "Please enable access to public gated repositories in your fine-grained token settings "
    "to view this repository."
)


def is_visible(repo: Repo, user: str | None) -> bool:
    """Whether this user may know that the repo exists; None is a stranger."""
    return not repo.private or user in (repo.owner, OWNER)


def see(repo: Repo | None, caller: Caller) -> Repo:
    """The repo; a private one is missing to everybody but its owner."""
    if repo is None or not is_visible(repo, caller.user):
        raise repo_not_found(known_caller=caller.token is not None)
    return repo


def open_gate(repo: Repo, request: Request) -> None:
    """Return if the gate is open to this caller; if not, raise the refusal that fits."""
    refused = why_closed(repo, request)
    if refused is not None:
        raise refused


def may_read(repo: Repo, request: Request) -> bool:
    """Whether the gate is open, as a question: the file tree hides hashes where it is not."""
    return why_closed(repo, request) is None


def why_closed(repo: Repo, request: Request) -> HubError | None:
    """The refusal that this caller meets at the gate; None if it is open."""
    caller = caller_of(request)
    if not repo.gated or caller.user in (repo.owner, OWNER):
        return None
    if caller.token is None:
        # A bad token at a gate looks like none at all.
        return HubError(
            401,
            f"Access to model {repo.id} is restricted. You must have access to it and be "
            "authenticated to access it. Please log in.",
            "GatedRepo",
            LOG_IN,
        )
    if not caller.token.reads_gated:
        return HubError(403, FINE_GRAINED_REFUSAL)
    asked = hub_of(request).accounts.request_of(caller.token.user, repo.id)
    status = asked.status if asked else None
    if status == "accepted":
        return None
    page = f"{shown_address(request)}/{repo.id}"
    return HubError(403, refusal(status, repo.id, page), "GatedRepo")


def refusal(status: str | None, repo_id: str, page: str) -> str:
    """The Hub's words for each state of a request that is not accepted."""
    if status == "pending":
        return f"Your request to access model {repo_id} is awaiting a review from the repo authors."
    if status == "rejected":
        return f"Your request to access model {repo_id} has been rejected by the repo's authors."
    if status == "reset":
        return (
            f"Your request to access model {repo_id} has been reset by the repo's authors. "
            f"Visit {page} to submit a new request."
        )
    return (
        f"Access to model {repo_id} is restricted and you are not in the authorized list. "
        f"Visit {page} to ask for access."
    )
