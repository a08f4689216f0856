"""The Hub's side of ``practice_hub/visitor.py``: calls instead of clicks."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from practice_hub.accounts import AccountError, Accounts
from practice_hub.connect import one_time_link
from practice_hub.gatekeeper import is_visible
from practice_hub.repos import Repo
from practice_hub.responses import HubError, json_answer
from practice_hub.state import hub_of, json_of, sees_everybody, visitor_of


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
            if asker != user and not sees_everybody(request):
                raise AccountError("In a room you decide about your own requests only.")
            accounts.review(asker, **arguments)
        case "approve_login":
            code = arguments.pop("user_code", None) or accounts.waiting_code(user)
            accounts.approve_login(user, code, **arguments)
        case "one_time_link":
            return {"link": one_time_link(request)}
        case "forget_me":
            accounts.forget(user)
        case _:
            raise AccountError(f"There is no action {action!r}.")
    return {}


def agree(
    request: Request, accounts: Accounts, user: str, repo_id: str, fields: dict[str, str]
) -> str:
    repo: Repo | None = hub_of(request).repos.get(repo_id)
    if repo is None or not repo.gated or not is_visible(repo, user):
        raise AccountError(f"There is no gated repo {repo_id!r} here.")
    answers = {str(label): str(answer) for label, answer in fields.items()}
    return accounts.ask(user, repo.id, str(repo.gated), answers).status
