"""Routes about who you are: whoami, auth-check, and the device login of ``login()``."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from practice_hub.accounts import DEVICE_CODE_SECONDS, LOGIN_SECONDS, AccountError, Token
from practice_hub.repos import stable_id
from practice_hub.responses import HubError, json_answer
from practice_hub.state import (
    form_of,
    hub_of,
    known_caller_of,
    refuse_cross_site,
    shown_address,
    visitor_of,
)

EXPLAINED = {
    "authorization_pending": "Device code pending, not yet approved",
    "expired_token": "Device code expired",
    "access_denied": "The request was denied",
    "invalid_grant": "The refresh token is not valid",
    "unsupported_grant_type": "This grant type is not supported",
    "invalid_request": "The request lacks a parameter",
}


def whoami(request: Request) -> Response:
    token = known_caller_of(request).token
    assert token is not None
    return json_answer(describe_user(token))


def describe_user(token: Token) -> dict[str, Any]:
    access: dict[str, Any] = {
        "displayName": token.name,
        "role": token.role,
        "createdAt": token.created_at,
    }
    user: dict[str, Any] = {
        "type": "user",
        "id": stable_id(token.user, 24),
        "name": token.user,
        "fullname": token.user.title(),
    }
    if token.role == "fineGrained":
        access["fineGrained"] = {
            "canReadGatedRepos": token.reads_gated,
            "global": [],
            "scoped": [],
        }
    else:  # a fine-grained token has no right to read these
        user |= {"email": f"{token.user}@practice.invalid", "emailVerified": True}
    return user | {
        "canPay": False,
        "billingMode": "prepaid",
        "periodEnd": None,
        "isPro": False,
        "avatarUrl": f"/avatars/{stable_id(token.user, 32)}.svg",
        "orgs": [],
        "auth": {"type": "access_token", "accessToken": access},
    }


async def begin_device_login(request: Request) -> Response:
    refuse_cross_site(request)
    form = await form_of(request)
    if not form.get("client_id"):
        return oauth_error("invalid_request")
    try:
        login = hub_of(request).accounts.begin_login(visitor_of(request))
    except AccountError as error:
        raise HubError(429, str(error)) from None
    return json_answer(
        {
            "device_code": login.device_code,
            "user_code": login.user_code,
            "verification_uri": f"{shown_address(request)}/oauth/device",
            "interval": 1,
            "expires_in": DEVICE_CODE_SECONDS,
        }
    )


async def grant_token(request: Request) -> Response:
    refuse_cross_site(request)
    form = await form_of(request)
    accounts = hub_of(request).accounts
    match form.get("grant_type"):
        case "urn:ietf:params:oauth:grant-type:device_code":
            granted = accounts.poll_login(form.get("device_code", ""))
        case "refresh_token":
            granted = accounts.refresh_login(form.get("refresh_token", ""))
        case _:
            granted = "unsupported_grant_type"
    if isinstance(granted, str):
        return oauth_error(granted)
    access_token, refresh_token = granted
    return json_answer(
        {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "expires_in": LOGIN_SECONDS - 1,
            "token_type": "bearer",
            "scope": "read-repos gated-repos write-repos",
        }
    )


def oauth_error(code: str) -> Response:
    return json_answer({"error": code, "error_description": EXPLAINED[code]}, 400)
