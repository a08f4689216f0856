"""Keeps the learner's real account and the practice one apart.

On the practice Hub everything that belongs to the real account (token, cache) is out of reach of
the Hub's client, and on the real Hub everything that belongs to the practice one. The client reads
most of its places once, when it is imported, so all of this comes before.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from course_utils.errors import CourseError
from course_utils.session import colab
from course_utils.session.choose_hub import (
    OFFLINE_VARIABLES,
    TRUE,
    is_down,
    offline,
    practice_instance,
    real_endpoint,
)
from course_utils.session.masking import hide, without_secret
from course_utils.session.place import restart_words
from practice_hub.environment import PLACES

if TYPE_CHECKING:
    from practice_hub import PracticeHub

PRACTICE_TOKEN = "hf_practice_"

# Variables by which a token, a cache or another Hub could reach the client.
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
OIDC_VARIABLES = ("HF_OIDC_RESOURCE", "HF_OIDC_ID_TOKEN")
PLACE_VARIABLES = ("HF_HOME", *PLACES)
SWITCH = "HF_HUB_DISABLE_IMPLICIT_TOKEN"  # set, no token is sent unless a call names one
HUB_VARIABLES = ("HF_ENDPOINT", "HUGGINGFACE_CO_STAGING", "HF_INFERENCE_ENDPOINT")

HONEST = (
    "the models under practice/ are real and small, their downloads and likes staged; others are "
    "described by facts of a date, and weights that are only described cannot be downloaded"
)

_started: list[PracticeHub] = []  # the practice Hub of this kernel, if it runs one itself


def use_practice_hub() -> tuple[str, str, list[str]]:
    """Point the libraries at a practice Hub; returns its address, ``HF_HOME`` and notes.

    In a room the address holds a secret; it is returned without, and hidden in what is shown.
    """
    from practice_hub.environment import variables_for

    url, home = _running_practice_hub() or (None, None)
    if url is None or home is None:
        _refuse_if_imported()
        url, home = _start_practice_hub()
    variables = {
        **variables_for(url, str(home)),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_HUB_CACHE": str(home / "hub"),
    }
    _refuse_if_imported({**variables, SWITCH: ""})
    for name in (*OIDC_VARIABLES, *OFFLINE_VARIABLES, *PLACE_VARIABLES, *HUB_VARIABLES, SWITCH):
        os.environ.pop(name, None)
    for name in TOKEN_VARIABLES:
        if not _is_practice_token(os.environ.get(name, "")):
            os.environ.pop(name, None)
    os.environ.update(variables)
    _bypass_proxies(url)
    colab.guard_token_secret(may_pass=None)
    shown = without_secret(url)
    if shown != url:
        hide(url.removeprefix(shown))
    notes = [HONEST, "your real token and cache are not used"]
    named = without_secret(os.environ.get("PRACTICE_HUB_URL", "").rstrip("/"))
    if named and named != shown:
        notes.append(f"no practice Hub answers at {named} (PRACTICE_HUB_URL), so this one is new")
    return shown, str(home), notes


def _bypass_proxies(url: str) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host.strip() for host in os.environ.get(name, "").split(",") if host.strip()]
        if "*" not in hosts:
            own = ["127.0.0.1", "localhost", urlsplit(url).hostname or ""]
            os.environ[name] = ",".join(dict.fromkeys([*hosts, *own]))


def _running_practice_hub() -> tuple[str, Path] | None:
    """A practice Hub that was started for this kernel by somebody else, and its home."""
    from practice_hub.home import enter, home_of

    for variable in ("PRACTICE_HUB_URL", "HF_ENDPOINT"):
        url = os.environ.get(variable, "").rstrip("/")
        instance = practice_instance(url)
        if instance is None:
            continue
        named = os.environ.get("PRACTICE_HUB_HOME") if variable == "PRACTICE_HUB_URL" else None
        home = _make_home(home_of(url, instance, named))
        try:
            return enter(url, home), home
        except ValueError as refusal:
            raise CourseError(str(refusal)) from None
        except OSError as error:
            raise CourseError(f"{without_secret(url)} cannot be entered: {error}") from None
    return None


def _start_practice_hub() -> tuple[str, Path]:
    from practice_hub import PracticeHub
    from practice_hub.published.share import make_temporary_home

    try:
        home = _make_home(make_temporary_home())
    except OSError as error:
        raise CourseError(
            f"The practice Hub needs a temporary folder and got none ({error.strerror}). Free some "
            "disk space, or name a folder in the variable TMPDIR."
        ) from None
    alone = os.environ.get("PRACTICE_HUB_AUTO_APPROVE", "").upper() in TRUE
    hub = PracticeHub(auto_approve=alone).start()
    _started.append(hub)
    atexit.register(_remove_home, home, os.getpid())
    return hub.url, home


def own_practice_hub() -> PracticeHub | None:
    """The practice Hub that this kernel runs itself, if it does."""
    return _started[-1] if _started else None


def _remove_home(home: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a fork
        shutil.rmtree(home, ignore_errors=True)


def _make_home(home: Path) -> Path:
    from practice_hub.home import make_home

    try:
        return make_home(home)
    except OSError as error:
        raise CourseError(
            f"{home} cannot hold the practice Hub's files ({error.strerror}). Name another folder "
            "in PRACTICE_HUB_HOME."
        ) from None


def use_real_hub() -> tuple[str, str, list[str]]:
    """Point the libraries at huggingface.co or its mirror; returns address, ``HF_HOME``, notes."""
    endpoint, named = real_endpoint(), os.environ.get("HF_ENDPOINT", "").rstrip("/")
    if named != endpoint:
        os.environ.pop("HF_ENDPOINT", None)
    os.environ.pop("HUGGINGFACE_CO_STAGING", None)
    for name in PLACE_VARIABLES:
        if not os.environ.get(name) or _in_practice_home(os.environ[name]):
            os.environ.pop(name, None)
    if not os.environ.get("XDG_CACHE_HOME"):
        os.environ.pop("XDG_CACHE_HOME", None)
    for name in TOKEN_VARIABLES:
        if _is_practice_token(os.environ.get(name, "")):
            os.environ.pop(name)
    home, token_file = _real_places()
    notes = []
    if is_down(named):
        notes.append(
            f"nothing answers at {without_secret(named)} (HF_ENDPOINT): a practice Hub that is "
            "down is no mirror, so it is left aside"
        )
    if endpoint.startswith("http://"):
        notes.append(f"{endpoint} is plain http: what you send there, a token too, can be read")
    if offline():
        notes.append("offline mode is set: only what is in the cache can be loaded")
    if token_file.is_file() and _is_practice_token(token_file.read_text(errors="replace")):
        instead = token_file.with_name("token-of-the-real-hub")
        notes.append(
            f"{token_file} holds a practice token, so {instead.name} beside it is used: run "
            "`hf auth logout` to have one file again"
        )
        token_file = instead
        os.environ["HF_TOKEN_PATH"] = str(token_file.absolute())
    _refuse_if_imported({"HF_ENDPOINT": endpoint, "HF_TOKEN_PATH": str(token_file.absolute())})
    colab.guard_token_secret(may_pass=lambda token: not _is_practice_token(token))
    return endpoint, str(home), notes


def _real_places() -> tuple[Path, Path]:
    """HF_HOME and the token file, found as huggingface_hub finds them."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = _path(os.environ.get("HF_HOME") or f"{cache}/huggingface")
    return home, _path(os.environ.get("HF_TOKEN_PATH") or str(home / "token"))


def _path(text: str) -> Path:
    return Path(os.path.expandvars(text)).expanduser()


def _in_practice_home(text: str) -> bool:
    from practice_hub.home import MARKER

    path = _path(text)
    return bool(text) and any((at / MARKER).exists() for at in (path, *path.parents))


def _is_practice_token(text: str) -> bool:
    return text.strip().startswith(PRACTICE_TOKEN)


def _refuse_if_imported(variables: dict[str, str] | None = None) -> None:
    """The client keeps the places that it read at import. Raise if they are not ``variables``."""
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is None:
        return
    read = {
        "HF_ENDPOINT": constants.ENDPOINT,
        "HF_TOKEN_PATH": constants.HF_TOKEN_PATH,
        "HF_HUB_CACHE": constants.HF_HUB_CACHE,
        SWITCH: "1" if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else "",
    }
    wanted = variables or {"HF_ENDPOINT": "a practice Hub"}
    for name, value in wanted.items():
        found = read.get(name, value)
        is_place = name in ("HF_TOKEN_PATH", "HF_HUB_CACHE")
        if found == value or (is_place and Path(found).absolute() == Path(value)):
            continue
        raise CourseError(
            f"huggingface_hub was imported before cu.start() and stays with {name}="
            f"{without_secret(found)}; this notebook wants {without_secret(value) or 'it unset'}.\n"
            f"{restart_words()}"
        )
