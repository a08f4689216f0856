"""A Hub for a room of learners: a key at the door, and a name for each of them.

The key and the name stand in the address, ``http://host:port/KEY/anna``, so the libraries need no
change: ``HF_ENDPOINT`` is that address.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from practice_hub.limits import NAME

DOOR = re.compile(r"/([^/]+)/([a-z0-9][a-z0-9-]{0,29})(?=/|$)")
KEY = re.compile(r"[A-Za-z0-9_-]{8,100}")
NOT_LEARNERS = {"practice", "learner"}
CLOSED = (
    "This practice Hub belongs to a room. Its address goes on with the room's key and your name "
    "(small letters, digits, hyphens):\n"
    "    http://host:port/KEY/your-name\n"
)


class Classroom:
    """Lets in who knows the key, and tells the Hub which learner it is.

    Nobody may take the name of one of the ``owners`` of repos: owners pass their own gates.
    """

    def __init__(self, app: ASGIApp, key: str, owners: Iterable[str] = ()) -> None:
        if not KEY.fullmatch(key):
            raise ValueError("A room's key has 8 to 100 letters, digits, hyphens or underscores.")
        self.app = app
        self.key = key
        self.reserved = NOT_LEARNERS | {owner.lower() for owner in owners}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        found = DOOR.match(scope["path"])
        if found is None or not self.opens(found[1]) or found[2] in self.reserved:
            return await PlainTextResponse(CLOSED, 403, {"X-Powered-By": NAME})(
                scope, receive, send
            )
        inside = {**scope, "root_path": found[0], "room_learner": found[2]}
        return await self.app(inside, receive, send)

    def opens(self, key: str) -> bool:
        return hmac.compare_digest(key.encode("utf-8", "replace"), self.key.encode())
