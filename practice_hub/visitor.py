"""What a visitor can do on the pages, as calls: for Colab, where no page can be reached.

The Hub's side of it is ``practice_hub/visitor_calls.py``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from typing import Any

PATH = "/api/practice-hub/actions"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def claim(url: str) -> str:
    """Take a name in a room: ``url`` is ``http://host:port/KEY/name``, or a one-time link.

    Returns your address, with the secret that proves the name.

    Raises:
        ValueError: the Hub refuses, in its own words.
        OSError: no Hub answers.
    """
    return str(post(f"{url.rstrip('/')}/claim", {})["address"])


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
        made = self._act(
            "create_token", name=name, role=role, reads_gated=reads_gated, seconds=seconds
        )
        return str(made["token"])

    def revoke_token(self, name: str) -> None:
        self._act("revoke_token", name=name)

    def agree(self, repo_id: str, **fields: str) -> str:
        """Accept the terms of a gated repo; returns "accepted" or "pending".

        ``fields`` are the answers to the form's questions; here they may be left out.
        """
        return str(self._act("agree", repo_id=repo_id, fields=fields)["status"])

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

    def one_time_link(self) -> str:
        """In a room: an address that lets one more client of yours in, once, within ten minutes.

        Open it in a browser, or give it to ``cu.start()`` or ``practice-hub env`` elsewhere.
        """
        return str(self._act("one_time_link")["link"])

    def forget_me(self) -> None:
        """Drop the visitor's tokens and requests: the gates are closed again."""
        self._act("forget_me")

    def _act(self, action: str, **arguments: Any) -> dict[str, Any]:
        return post(self.url + PATH, {"action": action, **arguments})


def who_is_there(url: str, seconds: float = 10) -> tuple[int, dict[str, Any]] | None:
    """Status and words of the practice Hub at ``url``; None if none answers there."""
    try:
        with DIRECT.open(f"{url.rstrip('/')}/api/practice-hub", timeout=seconds) as answer:
            status, server, body = answer.status, answer.headers.get("x-powered-by"), answer.read()
    except urllib.error.HTTPError as error:
        status, server, body = error.code, error.headers.get("x-powered-by"), error.read(10_000)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    if server != "practice-hub":
        return None
    try:
        found = json.loads(body)
    except ValueError:
        found = {}
    return status, found if isinstance(found, dict) else {}


def is_open(url: str) -> bool:
    """Whether a practice Hub answers there, and lets in who asks at this address."""
    told = who_is_there(url)
    return told is not None and told[0] == 200


def post(url: str, content: dict[str, Any]) -> dict[str, Any]:
    """Send JSON past any proxy: what is asked here is for this Hub alone."""
    request = urllib.request.Request(
        url,
        data=json.dumps(content).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )
    try:
        with DIRECT.open(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        text = error.read(10_000).decode("utf-8", "replace")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            text = json.loads(text)["error"]
        raise ValueError(text) from None
