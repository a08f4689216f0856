"""One page of a long list after the other, as the Hub sends them: by a cursor, in a link."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import Request

from practice_hub.responses import HubError, route_path
from practice_hub.state import address_of

LARGEST_PAGE = 1000
Entry = TypeVar("Entry")


def page_of(
    request: Request, found: Sequence[Entry], largest: int = LARGEST_PAGE
) -> tuple[Sequence[Entry], dict[str, str]]:
    """The part of ``found`` that the request asks for, and the header that names the next part.

    Args:
        largest: how many a page holds at most, and where the request names no ``limit``.

    Raises:
        HubError: 400, ``limit`` or ``cursor`` cannot be read.
    """
    limit, start = page_size(request, largest), read_cursor(request)
    page, following = found[start : start + limit], start + limit
    if following >= len(found):
        return page, {}
    return page, {"Link": f'<{address_of_page(request, following, limit)}>; rel="next"'}


def page_size(request: Request, largest: int) -> int:
    text = request.query_params.get("limit", str(largest))
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise HubError(400, "✖ Invalid input: expected a number of 1 or more\n  → at limit")
    return min(int(text), largest)


def read_cursor(request: Request) -> int:
    """Where the page begins. To a client the cursor is opaque; here it is a number in base64."""
    cursor = request.query_params.get("cursor")
    if cursor is None:
        return 0
    try:
        start = base64.urlsafe_b64decode(cursor.encode())
    except ValueError:
        start = b""
    if not re.fullmatch(rb"[0-9]{1,9}", start):
        raise HubError(400, "✖ Invalid cursor\n  → at cursor")
    return int(start)


def address_of_page(request: Request, start: int, limit: int) -> str:
    """An absolute address. It keeps the other arguments and names the page's size."""
    query = request.query_params.multi_items()
    kept = [pair for pair in query if pair[0] not in ("cursor", "limit")]
    cursor = base64.urlsafe_b64encode(str(start).encode()).decode()
    arguments = urlencode([*kept, ("limit", limit), ("cursor", cursor)])
    return f"{address_of(request)}{quote(route_path(request))}?{arguments}"
