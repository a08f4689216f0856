"""The practice Hub's pages: what a learner does in a browser on the way to a model.

Who clicks is known without a login: the learner, or in a room the learner that the address names.
Every form is a plain HTML form, and none of the pages needs JavaScript.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from practice_hub.accounts import OWNER, STATUSES, AccountError, GateRequest
from practice_hub.browse import (
    ON_A_PAGE,
    SORTS,
    Row,
    Wanted,
    active_filters,
    found_rows,
    sidebar,
)
from practice_hub.connect import connect_page, make_link
from practice_hub.desk import desk, free_name
from practice_hub.environment import line_for_sh
from practice_hub.gatekeeper import OPEN_FILES, is_visible
from practice_hub.gates import gate_fields
from practice_hub.how_to_load import ways_to_load
from practice_hub.model_info import (
    as_list,
    base_models,
    library_name,
    pipeline_tag,
    safetensors,
    tags,
)
from practice_hub.rendering import render, render_card, safe_link
from practice_hub.repos import FRONT_MATTER, Repo, Snapshot
from practice_hub.responses import HubError, entry_not_found, page_not_found
from practice_hub.state import (
    address_of,
    form_of,
    hub_of,
    refuse_bad_token,
    refuse_cross_site,
    root_of,
    sees_everybody,
    split_revision,
    visitor_of,
)

STATIC = Path(__file__).parent / "static"
STATIC_FILES = {"hub.css": "text/css", "mark.svg": "image/svg+xml"}
WEIGHTS = (".safetensors", ".bin", ".gguf", ".pt", ".pth", ".h5", ".onnx")
LONG_PROMPT = 700
LONGEST_CODE = 20  # of a device login, as the page repeats it
MOST_SHOWN = 20  # requests of one status at the owner's desk
ROLES = {
    "fineGrained": ("Fine-grained", "Reads public repos, and gated ones only if you say so."),
    "read": ("Read", "Reads every repo that you can read, gated ones included."),
    "write": ("Write", "Reads and writes. For downloads it is more than you need."),
}


# --- Models --------------------------------------------------------------------------------------


def home(request: Request) -> Response:
    return RedirectResponse(f"{root_of(request)}/models")


def model_list(request: Request) -> Response:
    wanted = Wanted.from_query(request.query_params)
    repos = hub_of(request).repos.values()
    rows = [Row.of(repo) for repo in repos if is_visible(repo, visitor_of(request))]
    found = found_rows(rows, wanted)
    pages = max(1, -(-len(found) // ON_A_PAGE))
    page = min(wanted.p, pages - 1)
    return render(
        request,
        "model_list.html",
        rows=found[page * ON_A_PAGE : (page + 1) * ON_A_PAGE],
        found=len(found),
        total=len(rows),
        wanted=wanted,
        groups=sidebar(rows, wanted),
        active=active_filters(wanted),
        sorts=[(name, title, wanted.address(sort=name)) for name, (title, _) in SORTS.items()],
        page=page,
        pages=pages,
    )


def model_page(request: Request) -> Response:
    repo = shown_repo(request)
    at = repo.main
    body, problem = card_body(at)
    files = f"{root_of(request)}/{quote(repo.id)}/resolve/main"
    return render(
        request,
        "model_page.html",
        **header_facts(request, repo),
        card=render_card(body, files) if body else None,
        problem=problem,
        gate=gate_of(request, repo, files),
        ways=ways_to_load(repo),
        line=line_for_sh(address_of(request), None),
        bases=bases(request, at),
        by_dtype=(safetensors(at) or {}).get("parameters") or {},
        weights=[(path, file.size) for path, file in weights_of(at)],
    )


def header_facts(request: Request, repo: Repo) -> dict[str, Any]:
    """What stands at the top of a model's page and of its files."""
    at = repo.main
    card = at.card or {}
    return {
        "repo": repo,
        "licenses": as_list(card.get("license")),
        "license_name": card.get("license_name"),
        "license_link": license_link(request, repo),
        "task": pipeline_tag(at),
        "library": library_name(at),
        "tags": other_tags(repo),
        "parameters": (safetensors(at) or {}).get("total"),
        "weights_size": sum(file.size for _, file in weights_of(at)),
        "is_owner": visitor_of(request) in (repo.owner, OWNER),
    }


def license_link(request: Request, repo: Repo) -> str | None:
    """Where the license can be read: the card's own link, or the LICENSE file."""
    link = safe_link((repo.main.card or {}).get("license_link") or "")
    if link and urlsplit(link).scheme:
        return link
    held = [name for name in sorted(OPEN_FILES - {"README.md"}) if name in repo.main.files]
    named = [link] if link and link in repo.main.files else held
    return f"{root_of(request)}/{quote(repo.id)}/resolve/main/{quote(named[0])}" if named else None


def other_tags(repo: Repo) -> list[str]:
    """The tags that the page does not say elsewhere."""
    said = {pipeline_tag(repo.main), library_name(repo.main), "region:us"}
    return [
        tag
        for tag in map(str, tags(repo, repo.main))
        if tag not in said and not tag.startswith(("license:", "base_model:"))
    ]


def weights_of(at: Snapshot) -> list[tuple[str, Any]]:
    """The weights files, each once: not the same weights in an older format, or a variant."""
    for suffix in WEIGHTS:
        found = at.weights(suffix)
        if found:
            return [(path, at.files[path]) for path in found]
    return []


def bases(request: Request, at: Snapshot) -> list[tuple[str, str, bool]]:
    """(relation, repo id, is here) of each model that this one was made from."""
    named = base_models(at) or {"models": []}
    repos, visitor = hub_of(request).repos, visitor_of(request)
    return [
        (
            str(named["relation"]),
            base["id"],
            base["id"] in repos and is_visible(repos[base["id"]], visitor),
        )
        for base in named["models"]
    ]


def card_body(at: Snapshot) -> tuple[str, str | None]:
    """The card without its metadata, and what is wrong with it, if anything."""
    readme = at.files.get("README.md")
    if readme is None:
        return "", "This repo has no model card: its owner wrote no README.md."
    text = readme.read().decode("utf-8", errors="replace")
    metadata = FRONT_MATTER.match(text)
    if metadata is None:
        return text, None
    body = text[metadata.end() :]
    if metadata[1].strip() and not at.card:
        return (
            body,
            "The metadata at the top of this card is broken YAML, so nothing is read from it.",
        )
    return body, None if body.strip() else "This card has metadata and no text."


def model_files(request: Request) -> Response:
    repo = shown_repo(request)
    revision, at, folder = split_revision(repo, request.path_params.get("rest", "main"))
    entries = list(at.under(folder))
    if folder and not entries:
        raise entry_not_found(at.sha)
    inside = [
        file.size
        for path, file in at.files.items()
        if path.startswith(f"{folder}/"[folder == "" :])
    ]
    return render(
        request,
        "model_files.html",
        **header_facts(request, repo),
        revision=revision,
        sha=at.sha,
        folder=folder,
        crumbs=folder.split("/") if folder else [],
        entries=sorted(entries, key=lambda entry: (entry[1] is not None, entry[0])),
        total=sum(inside),
        files=len(inside),
        open_files=OPEN_FILES,
    )


def shown_repo(request: Request) -> Repo:
    names = request.path_params
    repo = hub_of(request).repos.get(f"{names['owner']}/{names['name']}")
    if repo is None or not is_visible(repo, visitor_of(request)):
        raise page_not_found()
    return repo


# --- Gates ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """One question of a gate's form. ``answer`` says in what form it is answered."""

    label: str
    answer: str
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, label: Any, asked: Any) -> Question:
        if isinstance(asked, dict):
            options = asked.get("options")
            if asked.get("type") == "select" and isinstance(options, list):
                return cls(str(label), "select", tuple(map(option_of, options)))
            asked = asked.get("type")
        kinds = ("checkbox", "date_picker", "country", "ip_location")
        return cls(str(label), asked if asked in kinds else "text")


def option_of(option: Any) -> tuple[str, str]:
    """(value, label) of a select's option, which is a word or an object."""
    if isinstance(option, dict):
        label = option.get("label", option.get("value", ""))
        return str(option.get("value", label)), str(label)
    return str(option), str(option)


def gate_of(request: Request, repo: Repo, files: str) -> dict[str, Any] | None:
    """What the gate's box shows; None where there is no gate."""
    if not repo.gated:
        return None
    card = repo.main.card or {}
    prompt = str(card.get("extra_gated_prompt") or "")
    by_hand = repo.gated == "manual"
    button = "Agree and send request to access repo" if by_hand else "Agree and access repository"
    request_made = hub_of(request).accounts.request_of(visitor_of(request), repo.id)
    return {
        "by_hand": by_hand,
        "status": request_made.status if request_made else None,
        "asked_at": request_made.asked_at if request_made else None,
        "heading": str(card.get("extra_gated_heading") or "This model has a gate"),
        "description": str(card.get("extra_gated_description") or ""),
        "prompt": render_card(prompt, files) if prompt else "",
        "is_long": len(prompt) > LONG_PROMPT,
        "questions": [Question.of(label, kind) for label, kind in gate_fields(repo).items()],
        "button": str(card.get("extra_gated_button_content") or button),
    }


def my_requests(request: Request, problem: str | None = None) -> Response:
    hub, visitor = hub_of(request), visitor_of(request)
    asked = [hub.accounts.request_of(visitor, repo_id) for repo_id in hub.repos]
    return render(
        request,
        "my_requests.html",
        400 if problem else 200,
        requests=sorted(filter(None, asked), key=lambda made: made.asked_at, reverse=True),
        problem=problem,
    )


async def cancel_request(request: Request) -> Response:
    form = await own_form(request)
    try:
        hub_of(request).accounts.cancel(visitor_of(request), form.get("repo_id", ""))
    except AccountError as error:
        return my_requests(request, f"{error}.")
    return see_other(request, "/settings/gated-repos")


def owners_desk(request: Request, problem: str | None = None) -> Response:
    """Requests at one gate, for whoever plays its owner."""
    repo = gated_repo(request)
    accounts = hub_of(request).accounts
    found: dict[str, list[GateRequest]] = {
        status: [
            made
            for made in accounts.requests_at(repo.id, status)
            if sees_everybody(request) or made.user == visitor_of(request)
        ]
        for status in STATUSES
    }
    return render(
        request,
        "owners_desk.html",
        400 if problem else 200,
        repo=repo,
        found={status: made[:MOST_SHOWN] for status, made in found.items()},
        more={status: len(made) - MOST_SHOWN for status, made in found.items()},
        everybody=sees_everybody(request),
        problem=problem,
    )


def gated_repo(request: Request) -> Repo:
    repo = shown_repo(request)
    if not repo.gated:
        raise HubError(400, f"model {repo.id} is not gated", "RepoNotGated")
    return repo


async def decide(request: Request) -> Response:
    form = await own_form(request)
    repo = gated_repo(request)
    user = form.get("user", "")
    if user != visitor_of(request) and not sees_everybody(request):
        raise HubError(403, "In a room you decide about your own requests only.")
    try:
        hub_of(request).accounts.review(user, repo.id, form.get("status", ""))
    except AccountError as error:
        return owners_desk(request, str(error))
    return see_other(request, f"/{repo.id}/settings/requests")


# --- Tokens and device login ---------------------------------------------------------------------


def tokens_page(
    request: Request,
    made: tuple[str, str] | None = None,
    problem: str | None = None,
    form: dict[str, str] = {},
) -> Response:
    """``made`` is the name and value of the token that this answer shows, once."""
    tokens = hub_of(request).accounts.tokens_of(visitor_of(request))
    return render(
        request,
        "tokens.html",
        400 if problem else 200,
        tokens=sorted(tokens, key=lambda token: (not token.is_valid(), token.name.lower())),
        roles=ROLES,
        made=made,
        problem=problem,
        form=form,
    )


async def create_token(request: Request) -> Response:
    form = await own_form(request)
    name = " ".join(form.get("name", "").split())
    try:
        value = hub_of(request).accounts.create_token(
            visitor_of(request), name, form.get("role", "read"), "reads_gated" in form
        )
    except AccountError as error:
        return tokens_page(request, problem=str(error), form=form)
    return tokens_page(request, made=(name, value))


async def revoke_token(request: Request) -> Response:
    form = await own_form(request)
    try:
        hub_of(request).accounts.revoke_token(visitor_of(request), form.get("name", ""))
    except AccountError as error:
        return tokens_page(request, problem=str(error))
    return see_other(request, "/settings/tokens")


def device_page(request: Request) -> Response:
    code = request.query_params.get("user_code", "")[:LONGEST_CODE]
    return render(request, "device.html", code=code, done=None, problem=None)


async def decide_login(request: Request) -> Response:
    form = await own_form(request)
    code, yes = form.get("user_code", "")[:LONGEST_CODE], form.get("decision") == "approve"
    try:
        hub_of(request).accounts.approve_login(visitor_of(request), code, yes)
    except AccountError as error:
        return render(request, "device.html", 400, code=code, done=None, problem=str(error))
    done = "approved" if yes else "denied"
    return render(request, "device.html", code="", done=done, problem=None)


# --- What all of them need -----------------------------------------------------------------------


async def own_form(request: Request) -> dict[str, str]:
    refuse_cross_site(request)
    return await form_of(request)


def see_other(request: Request, path: str) -> Response:
    return RedirectResponse(f"{root_of(request)}{path}", 303)


def static_file(request: Request) -> Response:
    name = request.path_params["file"]
    if name not in STATIC_FILES:
        raise page_not_found()
    return FileResponse(
        STATIC / name, headers={"Cache-Control": "no-cache"}, media_type=STATIC_FILES[name]
    )


def no_such_route(request: Request) -> Response:
    raise page_not_found()


def error_page(request: Request, error: HubError) -> Response:
    """A refusal for people, with the status and the headers that programs read."""
    names = request.path_params
    return render(
        request,
        "error.html",
        error.status,
        error.all_headers,
        error=error,
        phrase=HTTPStatus(error.status).phrase,
        repo_id=f"{names['owner']}/{names['name']}" if "owner" in names else None,
    )


class RefuseBadTokens:
    """Says at a page too that a token is not valid. A valid one changes nothing there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refuse_bad_token(Request(scope))
        await self.app(scope, receive, send)


def page_route(path: str, answer: Callable[..., Any], methods: Sequence[str] = ("GET",)) -> Route:
    return Route(path, answer, methods=methods, middleware=[Middleware(RefuseBadTokens)])


REPO = "/{owner}/{name}"
PAGE_ROUTES = [
    page_route("/", home),
    page_route("/models", model_list),
    page_route("/static/{file}", static_file),
    page_route("/settings/tokens", tokens_page),
    page_route("/settings/tokens", create_token, methods=["POST"]),
    page_route("/settings/tokens/revoke", revoke_token, methods=["POST"]),
    page_route("/settings/gated-repos", my_requests),
    page_route("/settings/gated-repos/cancel", cancel_request, methods=["POST"]),
    page_route("/oauth/device", device_page),
    page_route("/oauth/device/decision", decide_login, methods=["POST"]),
    page_route("/settings/connect", connect_page),
    page_route("/settings/connect/link", make_link, methods=["POST"]),
    page_route("/desk", desk),
    page_route("/desk/free", free_name, methods=["POST"]),
    page_route("/api/{rest:path}", no_such_route),
    page_route(REPO, model_page),
    page_route(f"{REPO}/tree/{{rest:path}}", model_files),
    page_route(f"{REPO}/settings/requests", owners_desk),
    page_route(f"{REPO}/settings/requests", decide, methods=["POST"]),
]
