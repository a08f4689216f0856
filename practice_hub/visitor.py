"""What a visitor can do on the pages, as calls: for Colab, where no page can be reached.

The Hub's side of it is ``practice_hub/visitor_calls.py``.
"""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from typing import Any

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
