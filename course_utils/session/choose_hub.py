"""Which Hub: asked for, or found by asking who answers. Sends no token to find out."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from course_utils.curriculum import HUBS
from course_utils.errors import CourseError
from course_utils.session.masking import without_secret

REAL_ENDPOINT = "https://huggingface.co"
PROBE_SECONDS = 4.0
LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
TRUE = {"1", "ON", "YES", "TRUE"}


def choose(hub: str) -> tuple[str | None, str]:
    """The Hub asked for, and by whom; None when nobody asked for one in particular."""
    asked = os.environ.get("COURSE_HUB", "").strip().lower() or "auto"
    for value, source in ((hub, 'cu.start("…")'), (asked, "the variable COURSE_HUB")):
        if value not in HUBS:
            accepted = ", ".join(f'"{name}"' for name in HUBS)
            raise CourseError(f"{source} got {value!r}, which is none of {accepted}.")
    if hub != "auto":
        return hub, "this lesson's choice"
    if asked != "auto":
        return asked, "COURSE_HUB says so"
    return None, ""


def probe_and_choose() -> tuple[str, str]:
    if offline():
        return "practice", "offline mode is set, so huggingface.co was not asked"
    endpoint = real_endpoint()
    problem = why_no_answer(endpoint)
    host = endpoint.split("//")[-1]
    return ("practice", f"{host} {problem}") if problem else ("real", f"{host} answers")


def why_no_answer(endpoint: str, seconds: float = PROBE_SECONDS) -> str | None:
    """None if a Hub answers there; otherwise what happened instead, in a few words.

    Sends no token. A page where data should be (a hotel's login page, say) is not an answer.
    """
    outcome = _within(seconds, _ask_for_one_model, endpoint, seconds)
    return outcome[0] if outcome else f"did not answer within {seconds:g} s"


def _within(seconds: float, function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """[what the function returned], or [] when it took too long.

    Looking up a name and a slow trickle of bytes outlast any socket timeout, so the wait is bounded
    here.
    """
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.append(function(*arguments)), daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome


def _ask_for_one_model(endpoint: str, seconds: float) -> str | None:
    import http.client
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"{endpoint}/api/models?limit=1", timeout=seconds) as answer:
            models = json.loads(answer.read(1_000_000))
    except urllib.error.HTTPError as error:
        return "says too many requests (429)" if error.code == 429 else f"answers {error.code}"
    except json.JSONDecodeError:
        return "answered with a page instead of data: does this network ask you to log in first?"
    except (OSError, ValueError, http.client.HTTPException):
        return "cannot be reached"
    good = isinstance(models, list) and models and isinstance(models[0], dict) and "id" in models[0]
    return None if good else "answered, but not as a Hub does"


def offline() -> bool:
    return any(os.environ.get(name, "").upper() in TRUE for name in OFFLINE_VARIABLES)


def real_endpoint() -> str:
    """huggingface.co, or the mirror that ``HF_ENDPOINT`` names."""
    named = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    if not named or practice_instance(named) is not None or is_down(named):
        return REAL_ENDPOINT
    return named


def is_down(url: str) -> bool:
    """Whether this is the address of a practice Hub, and nobody answers there.

    Such an address is no mirror: when the Hub comes up again, it must not be sent a real token.
    """
    parts = urlsplit(url)
    in_a_room = len(parts.path.strip("/").split("/")) == 2
    if parts.scheme != "http" or not (parts.hostname in LOOPBACK or in_a_room):
        return False
    return _told(url) == (0, "", None)


@cache
def practice_instance(url: str) -> str | None:
    """The id of the practice Hub that answers at ``url``; None if what is there is none.

    Raises:
        CourseError: a practice Hub is there and its door stays shut, or it could not be told in
            time. Taking either for the real Hub would send it a real token.
    """
    if not url or url == REAL_ENDPOINT:
        return None
    told = _told(url)
    shown = without_secret(url)
    if told is None:
        raise CourseError(
            f"{shown} did not say within {PROBE_SECONDS:g} s which Hub it is. Run the cell again, "
            "or unset HF_ENDPOINT and PRACTICE_HUB_URL and restart."
        )
    status, powered_by, body = told
    if powered_by != "practice-hub":
        return None
    instance = body.get("instance") if isinstance(body, dict) else None
    if status not in (200, 403) or not re.fullmatch(r"[0-9a-z]{1,32}", str(instance)):
        raise CourseError(
            f"A room's practice Hub is at {shown}, but its door stays shut. Check the key in the "
            "address, and your name after it: small letters, digits and hyphens."
        )
    return str(instance)


@cache
def _told(url: str) -> tuple[int, str, Any] | None:
    return next(iter(_within(PROBE_SECONDS, _ask_who_is_there, url)), None)


def forget_answers() -> None:
    """Ask again: what was told earlier may be out of date."""
    practice_instance.cache_clear()
    _told.cache_clear()


def _ask_who_is_there(url: str) -> tuple[int, str, Any] | None:
    """Status, server and JSON of a Hub's answer about itself; (0, "", None) if none answers.

    None if it took too long to tell.
    """
    import http.client
    import urllib.error
    import urllib.request

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/api/practice-hub", timeout=PROBE_SECONDS) as answer:
            powered_by = answer.headers.get("x-powered-by", "")
            return answer.status, powered_by, _json_or_none(answer.read(10_000))
    except urllib.error.HTTPError as error:
        told = _json_or_none(error.read(10_000))
        return error.code, error.headers.get("x-powered-by", ""), told
    except (OSError, ValueError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        return None if isinstance(cause, TimeoutError) else (0, "", None)


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
