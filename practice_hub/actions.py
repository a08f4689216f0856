"""What a visitor can do on the pages, as calls: for Colab, where no page can be reached.

``Visitor`` is the caller's side, ``answer_action`` the Hub's.
"""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from practice_hub.accounts import AccountError, Accounts
from practice_hub.answers import HubError, json_answer
from practice_hub.repos import Repo
from practice_hub.state import hub_of, json_of, visitor_of

PATH = "/api/practice-hub/actions"


class Visitor:
    """Acts on a practice Hub as its pages' visitor would: makes tokens, agrees to terms.

    Args:
        url: the Hub's address, as in ``HF_ENDPOINT``.

    Every method raises ``ValueError`` with the Hub's own words when it refuses, and ``OSError``
    when no Hub answers.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def create_token(
        self,
        name: str,
        role: str = "read",
        reads_gated: bool = True,
        seconds: float | None = None,
    ) -> str:
        """A new access token. Its value is given once.

        Args:
            role: "read", "write" or "fineGrained".
            reads_gated: for "fineGrained", the permission to read gated repos.
            seconds: how long it lives; None is for as long as the Hub does.
        """
        return self._act(
            "create_token", name=name, role=role, reads_gated=reads_gated, seconds=seconds
        )["token"]

    def revoke_token(self, name: str) -> None:
        self._act("revoke_token", name=name)

    def agree(self, repo_id: str, **fields: str) -> str:
        """Accept the terms of a gated repo; returns "accepted" or "pending".

        ``fields`` are the answers to the form's questions; here they may be left out.
        """
        return self._act("agree", repo_id=repo_id, fields=fields)["status"]

    def cancel(self, repo_id: str) -> None:
        """Take back a request that is still pending."""
        self._act("cancel", repo_id=repo_id)

    def review(self, repo_id: str, status: str, user: str | None = None) -> None:
        """Decide as the repo's owner: "accepted", "rejected", "pending" or "reset".

        ``user`` is whose request; None is the visitor's own.
        """
        self._act("review", repo_id=repo_id, status=status, user=user)

    def approve_login(self, user_code: str | None = None, yes: bool = True) -> None:
        """Type the code of a waiting ``login()`` into the device page, and say yes or no.

        ``user_code`` None is the code of your own login that began last: a convenience of the
        practice Hub alone, for a kernel that waits and can run nothing else.
        """
        self._act("approve_login", user_code=user_code, yes=yes)

    def forget_me(self) -> None:
        """Drop the visitor's tokens and requests: the gates are closed again."""
        self._act("forget_me")

    def _act(self, action: str, **arguments: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url + PATH,
            data=json.dumps({"action": action, **arguments}).encode(),
            headers={"Content-Type": "application/json"},
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read(10_000).decode("utf-8", "replace")
            with contextlib.suppress(ValueError, KeyError, TypeError):
                text = json.loads(text)["error"]
            raise ValueError(text) from None


async def answer_action(request: Request) -> Response:
    if request.headers.get("content-type") != "application/json":
        # A page elsewhere cannot send this type without asking first, and is not answered yes.
        raise HubError(415, "An action is sent as application/json.")
    try:
        return json_answer(act(request, **await json_of(request)))
    except AccountError as error:
        raise HubError(400, str(error)) from None
    except (ValueError, TypeError, AttributeError, KeyError):
        raise HubError(400, "This action or its arguments are not known here.") from None


def act(request: Request, action: str, **arguments: Any) -> dict[str, Any]:
    accounts, user = hub_of(request).accounts, visitor_of(request)
    match action:
        case "create_token":
            return {"token": accounts.create_token(user, **arguments)}
        case "revoke_token":
            accounts.revoke_token(user, **arguments)
        case "agree":
            return {"status": agree(request, accounts, user, **arguments)}
        case "cancel":
            accounts.cancel(user, **arguments)
        case "review":
            asker = arguments.pop("user", None) or user
            accounts.review(asker, **arguments)
        case "approve_login":
            code = arguments.pop("user_code", None) or accounts.waiting_code(user)
            accounts.approve_login(user, code, **arguments)
        case "forget_me":
            accounts.forget(user)
        case _:
            raise AccountError(f"There is no action {action!r}.")
    return {}


def agree(
    request: Request, accounts: Accounts, user: str, repo_id: str, fields: dict[str, str]
) -> str:
    repo: Repo | None = hub_of(request).repos.get(repo_id)
    if repo is None or not repo.gated:
        raise AccountError(f"There is no gated repo {repo_id!r} here.")
    answers = {str(label): str(answer) for label, answer in fields.items()}
    return accounts.ask(user, repo.id, str(repo.gated), answers).status
