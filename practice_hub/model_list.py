"""The model list: filter, sort, and one page after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from practice_hub.model_info import (
    FIELDS,
    NOT_IN_LISTS,
    list_item,
    pipeline_tag,
    safetensors,
    tags,
)
from practice_hub.paging import page_of
from practice_hub.repos import Repo
from practice_hub.responses import HubError, json_answer
from practice_hub.state import is_true

LONGEST_QUERY = 1000  # characters
UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
PARAMETER_BOUND = re.compile(r"(min|max):(\d+(?:\.\d+)?)([KMBT]?)", re.IGNORECASE)
NAMED_LAST = ("gguf", "resourceGroup", "xetEnabled")
SORT_KEYS: dict[str, Callable[[Repo], Any]] = {
    "trendingScore": lambda repo: repo.trending_score,
    "downloads": lambda repo: repo.downloads,
    "likes": lambda repo: repo.likes,
    "createdAt": lambda repo: repo.created_at,
    "lastModified": lambda repo: repo.main.last_modified,
}


def answer_list(request: Request, repos: Iterable[Repo]) -> Response:
    query = request.query_params
    wanted = expand_fields(query, lists=True)
    full = is_true(query.get("full"))
    found = ordered(filtered(repos, query), query.get("sort", "trendingScore"))
    page, headers = page_of(request, found)
    return json_answer([list_item(repo, wanted, full) for repo in page], headers=headers)


def expand_fields(query: QueryParams, lists: bool = False) -> list[str] | None:
    """Field names asked for by ``expand=`` (or ``expand[]=``); None when none were."""
    names = query.getlist("expand") + query.getlist("expand[]")
    allowed = [name for name in FIELDS if not (lists and name in NOT_IN_LISTS)]
    for place, name in enumerate(names):
        if name not in allowed:
            options = "|".join(f'"{option}"' for option in in_errors(allowed))
            raise HubError(
                400, f"✖ Invalid option: expected one of {options}\n  → at expand[{place}]"
            )
    return list(dict.fromkeys(names)) or None


def in_errors(names: Iterable[str]) -> list[str]:
    """In the order in which the Hub's refusal names them: by the alphabet, the youngest last."""
    return sorted(names, key=lambda name: (name in NAMED_LAST, name))


def filtered(repos: Iterable[Repo], query: QueryParams) -> list[Repo]:
    author, task, search = (query.get(key) for key in ("author", "pipeline_tag", "search"))
    for key in ("author", "pipeline_tag", "search", "num_parameters", "filter"):
        if any(len(value) > LONGEST_QUERY for value in query.getlist(key)):
            raise HubError(
                400, f"✖ Too big: expected at most {LONGEST_QUERY} characters\n  → at {key}"
            )
    labels = [label for value in query.getlist("filter") for label in value.split(",") if label]
    gated = query.get("gated")
    within = parameter_bounds(query.get("num_parameters"))

    def keep(repo: Repo) -> bool:
        if author and repo.owner != author:
            return False
        if task and pipeline_tag(repo.main) != task:
            return False
        if search and search.lower() not in repo.id.lower():
            return False
        if gated is not None and bool(repo.gated) != is_true(gated):
            return False
        if within is not None and not within((safetensors(repo.main) or {}).get("total", 0)):
            return False
        return set(labels) <= set(tags(repo, repo.main))

    return [repo for repo in repos if keep(repo)]


def parameter_bounds(text: str | None) -> Callable[[int], bool] | None:
    """Reads "min:6B,max:8B"; either half may be missing. A repo without a count never fits."""
    if text is None:
        return None
    bounds = {}
    for part in text.split(","):
        found = PARAMETER_BOUND.fullmatch(part.strip())
        if found is None:
            raise HubError(
                400, f"✖ Invalid input: {part!r} is not min:N or max:N\n  → num_parameters"
            )
        bounds[found[1].lower()] = float(found[2]) * UNITS[found[3].upper()]
    return lambda count: count > 0 and bounds.get("min", 0) <= count <= bounds.get("max", count)


def ordered(repos: list[Repo], sort: str) -> list[Repo]:
    if sort not in SORT_KEYS:
        options = "|".join(f'"{name}"' for name in SORT_KEYS)
        raise HubError(400, f"✖ Invalid option: expected one of {options}\n  → at sort")
    by_id = sorted(repos, key=lambda repo: repo.id)
    value = SORT_KEYS[sort]
    return sorted(by_id, key=lambda repo: known_first(value(repo)), reverse=True)


def known_first(value: Any) -> tuple[bool, Any]:
    """Sorts what is not known behind the smallest that is."""
    return value is not None, value
