"""The instructor's desk in a room: who is here, and a name that has to be freed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from practice_hub.accounts import AccountError
from practice_hub.names import INSTRUCTOR, Names
from practice_hub.rendering import render
from practice_hub.responses import HubError, page_not_found
from practice_hub.state import form_of, hub_of, refuse_cross_site, root_of, visitor_of


def desk(request: Request, problem: str | None = None) -> Response:
    names = names_for_instructor(request)
    gated = [repo.id for repo in hub_of(request).repos.values() if repo.gated == "manual"]
    return render(
        request,
        "desk.html",
        400 if problem else 200,
        taken=names.taken(),
        gated=sorted(repo_id for repo_id in gated if repo_id.startswith("practice/")),
        problem=problem,
    )


async def free_name(request: Request) -> Response:
    refuse_cross_site(request)
    names = names_for_instructor(request)
    name = (await form_of(request)).get("name", "")
    try:
        names.free(name)
    except AccountError as error:
        return desk(request, str(error))
    hub_of(request).accounts.forget(name)
    return RedirectResponse(f"{root_of(request)}/desk", 303)


def names_for_instructor(request: Request) -> Names:
    names = hub_of(request).names
    if names is None:
        raise page_not_found()
    if visitor_of(request) != INSTRUCTOR:
        raise HubError(403, "The desk is the instructor's: its address has a key of its own.")
    return names
