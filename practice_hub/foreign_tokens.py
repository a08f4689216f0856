"""Tokens that this Hub did not make. They came by mistake, in clear, and are not looked at."""

from __future__ import annotations

import base64

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from practice_hub.accounts import TOKEN_PREFIX
from practice_hub.responses import LOG_IN, HubError

WORDS = (
    "This token is not from here: this is a practice Hub, and its tokens begin with "
    f"{TOKEN_PREFIX}. Yours was sent in clear. If it is a real one, revoke it at "
    "https://huggingface.co/settings/tokens. Run `practice-hub env` for the variables that keep "
    "it apart. Nothing of it was kept."
)


class ForeignTokens:
    """Refuses every request that carries a token which does not begin as this Hub's own do."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not foreign_token_sent(scope):
            return await self.app(scope, receive, send)
        answer = refuse_foreign_token().answer(Request(scope))
        return await answer(scope, receive, send)


def foreign_token_sent(scope: Scope) -> bool:
    sent = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    scheme, _, value = sent.strip().partition(" ")
    match scheme.lower():
        case "":
            return False
        case "bearer":
            token = value.strip()
        case "basic":  # as git and old clients send it: name:token
            token = password_of(value.strip())
        case _:
            token = sent
    return bool(token) and not token.startswith(TOKEN_PREFIX)


def password_of(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode("latin-1").partition(":")[2]
    except ValueError:
        return encoded


def refuse_foreign_token() -> HubError:
    return HubError(401, WORDS, None, LOG_IN)
