"""The page that says how a program is pointed at this Hub, and a room's link for another client."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from practice_hub.accounts import AccountError
from practice_hub.environment import LINE_OF, line_for_sh
from practice_hub.names import INSTRUCTOR
from practice_hub.rendering import render
from practice_hub.state import (
    address_of,
    hub_of,
    origin_of,
    refuse_cross_site,
    visitor_of,
)


def connect_page(request: Request, link: str | None = None) -> Response:
    address = address_of(request)
    return render(
        request,
        "connect.html",
        line=line_for_sh(address, None),
        others={
            "fish": LINE_OF["fish"](address, None),
            "PowerShell": LINE_OF["powershell"](address, None),
        },
        is_room=hub_of(request).names is not None,
        link=link,
    )


async def make_link(request: Request) -> Response:
    refuse_cross_site(request)
    return connect_page(request, one_time_link(request))


def one_time_link(request: Request) -> str:
    """An address that lets one more client of this visitor in.

    Raises:
        AccountError: there is no room here, or the visitor is its instructor.
    """
    names, visitor = hub_of(request).names, visitor_of(request)
    if names is None or visitor == INSTRUCTOR:
        raise AccountError("Only a learner in a room needs a one-time link.")
    shown = str(request.scope["shown_root"])
    return f"{origin_of(request)}{shown}~{names.one_time_code(visitor)}"
