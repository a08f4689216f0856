"""``start()``: where am I, which Hub, which device.

The Hub's client reads its address once, when it is imported, so the choice is made here, before any
cell imports it. On the practice Hub everything that belongs to the learner's real account (token,
cache) is out of reach, and on the real Hub everything that belongs to the practice one.
"""

from __future__ import annotations

import atexit
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from course_utils import colab
from course_utils.course_error import CourseError
from course_utils.curriculum import HUBS, curriculum
from course_utils.gpus import Device, current_device
from course_utils.report import Report

if TYPE_CHECKING:
    from practice_hub.actions import Visitor

REAL_ENDPOINT = "https://huggingface.co"
PROBE_SECONDS = 4.0
PRACTICE_TOKEN = "hf_practice_"
HOME_MARKER = "practice-hub-home"
LIBRARIES = ("transformers", "torch", "huggingface_hub", "accelerate", "bitsandbytes")
TRUE = {"1", "ON", "YES", "TRUE"}

# Variables by which a token, a cache or another Hub could reach the client.
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
OIDC_VARIABLES = ("HF_OIDC_RESOURCE", "HF_OIDC_ID_TOKEN")
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
PLACE_VARIABLES = (
    "HF_HOME",
    "HF_TOKEN_PATH",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_ASSETS_CACHE",
    "HUGGINGFACE_ASSETS_CACHE",
    "HF_XET_CACHE",
    "HF_MODULES_CACHE",
    "TRANSFORMERS_CACHE",
)
HUB_VARIABLES = ("HF_ENDPOINT", "HUGGINGFACE_CO_STAGING", "HF_INFERENCE_ENDPOINT")


@dataclass(frozen=True, repr=False)
class Session(Report):
    """What ``start()`` found and set. ``hub`` is "practice" or "real"; ``home`` is ``HF_HOME``."""

    hub: str
    endpoint: str
    reason: str
    home: str
    place: str
    device: Device
    versions: dict[str, str]
    notes: tuple[str, ...]

    @property
    def on_practice_hub(self) -> bool:
        return self.hub == "practice"

    @property
    def visitor(self) -> Visitor:
        """Does by call what the practice Hub's pages do by click: make a token, agree to terms.

        Raises:
            CourseError: on the real Hub, where only you yourself can do that.
        """
        from practice_hub.actions import Visitor

        if not self.on_practice_hub:
            raise CourseError(
                f"Only the practice Hub takes calls for clicks. Visit {self.endpoint}"
            )
        return Visitor(self.endpoint)

    def title(self) -> str:
        return f"{curriculum().title}: the {self.hub} Hub, on {self.place}"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "Hub", f"{self.endpoint} ({self.reason})"
        yield "device", self.device.title()
        yield "memory", self.device.memory_text()
        yield "versions", ", ".join(f"{name} {number}" for name, number in self.versions.items())
        for note in self.notes:
            yield "note", note


_session: Session | None = None
_starting = threading.Lock()
_started: list[Any] = []  # the practice Hub of this kernel, if it runs one itself


def start(hub: str = "auto") -> Session:
    """Choose the Hub for this kernel and point the libraries at it. Call it before importing them.

    Args:
        hub: "practice", "real", or "auto": the environment variable ``COURSE_HUB`` if it is set,
            else huggingface.co where it answers, else the practice Hub.

    Raises:
        CourseError: the libraries, or an earlier ``start()``, are on another Hub already.
    """
    with _starting:
        return _start(hub)


def _start(hub: str) -> Session:
    global _session
    wanted, reason = _choose(hub)
    if _session is not None:
        if wanted in (None, _session.hub):
            return _session
        raise CourseError(
            f"This kernel is on the {_session.hub} Hub and a kernel has only one.\n"
            + restart_words()
        )
    _practice_instance.cache_clear()
    if wanted is None:
        wanted, reason = _probe_and_choose()
    device = current_device()
    set_up = _use_practice_hub if wanted == "practice" else _use_real_hub
    endpoint, home, notes = set_up()
    _session = Session(
        hub=wanted,
        endpoint=endpoint,
        reason=reason,
        home=home,
        place=place(),
        device=device,
        versions={"Python": platform.python_version(), **_installed(LIBRARIES)},
        notes=(*notes, *_not_measured(device)),
    )
    return _session


class _Models:
    """The repo id of each part the course casts, on the Hub in use: ``MODELS.chat``."""

    def __getattr__(self, role: str) -> str:
        cast = curriculum().models
        if role not in cast:
            raise AttributeError(f"No such role: {role!r}. The course casts {', '.join(cast)}.")
        return cast[role][current_session().hub]

    def __dir__(self) -> list[str]:
        return sorted(curriculum().models)


MODELS = _Models()


def current_session() -> Session:
    """The session of this kernel.

    Raises:
        CourseError: ``start()`` was not called yet.
    """
    if _session is None:
        raise CourseError("No Hub is chosen yet. Run cu.start() first: it is the second cell.")
    return _session


# Where am I


def place() -> str:
    """ "Colab", "JupyterLab", "a Jupyter kernel", "IPython" or "plain Python"."""
    if colab.on_colab():
        return "Colab"
    if "IPython" not in sys.modules:
        return "plain Python"
    shell = sys.modules["IPython"].get_ipython()
    if shell is None:
        return "plain Python"
    if not hasattr(shell, "kernel"):
        return "IPython"
    return "JupyterLab" if "JPY_SESSION_NAME" in os.environ else "a Jupyter kernel"


def restart_words() -> str:
    """How to restart, in the words of the menu that this learner sees."""
    how = {
        "Colab": "Choose Runtime → Restart session",
        "JupyterLab": "Choose Kernel → Restart Kernel…",
        "a Jupyter kernel": "Restart the kernel",
    }.get(place(), "Start a new Python")
    return f"{how}, then run the notebook from its first cell."


# Which Hub


def _choose(hub: str) -> tuple[str | None, str]:
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


def _probe_and_choose() -> tuple[str, str]:
    if _offline():
        return "practice", "offline mode is set, so huggingface.co was not asked"
    endpoint = _real_endpoint()
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


def _offline() -> bool:
    return any(os.environ.get(name, "").upper() in TRUE for name in OFFLINE_VARIABLES)


def _real_endpoint() -> str:
    """huggingface.co, or the mirror that ``HF_ENDPOINT`` names."""
    named = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return named if named and _practice_instance(named) is None else REAL_ENDPOINT


@cache
def _practice_instance(url: str) -> str | None:
    """The id of the practice Hub that answers at ``url``; None if what is there is none.

    Raises:
        CourseError: a practice Hub is there and its door stays shut, or it could not be told in
            time. Taking either for the real Hub would send it a real token.
    """
    if not url or url == REAL_ENDPOINT:
        return None
    outcome = _within(PROBE_SECONDS, _ask_who_is_there, url)
    if not outcome:
        raise CourseError(
            f"{url} did not say within {PROBE_SECONDS:g} s which Hub it is. Run the cell again, or "
            "unset HF_ENDPOINT and PRACTICE_HUB_URL and restart."
        )
    status, powered_by, body = outcome[0]
    if powered_by != "practice-hub":
        return None
    instance = body.get("instance") if isinstance(body, dict) else None
    if status != 200 or not re.fullmatch(r"[0-9a-z]{1,32}", str(instance)):
        raise CourseError(
            f"A room's practice Hub is at {url}, but its door stays shut. Check the key in the "
            "address, and your name after it: small letters, digits and hyphens."
        )
    return str(instance)


def _ask_who_is_there(url: str) -> tuple[int, str, Any]:
    """Status, server and JSON of a Hub's answer about itself; (0, "", None) if none answers."""
    import http.client
    import urllib.error
    import urllib.request

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/api/practice-hub", timeout=PROBE_SECONDS) as answer:
            powered_by = answer.headers.get("x-powered-by", "")
            return answer.status, powered_by, json.loads(answer.read(10_000))
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("x-powered-by", ""), None
    except TimeoutError:
        time.sleep(PROBE_SECONDS)  # counts as no answer in time
        return 0, "", None
    except (OSError, ValueError, http.client.HTTPException):
        return 0, "", None


# The practice Hub


def _use_practice_hub() -> tuple[str, str, list[str]]:
    named_before = dict(os.environ)
    url, home = _running_practice_hub() or (None, None)
    if url is None or home is None:
        _refuse_if_imported()
        url, home = _start_practice_hub()
    variables = {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        # For a repo of pickles transformers would post repo id and token to a service elsewhere.
        "DISABLE_SAFETENSORS_CONVERSION": "1",
    }
    _refuse_if_imported(variables)
    for name in (*OIDC_VARIABLES, *OFFLINE_VARIABLES, *PLACE_VARIABLES, *HUB_VARIABLES):
        os.environ.pop(name, None)
    for name in TOKEN_VARIABLES:
        if not _is_practice_token(os.environ.get(name, "")):
            os.environ.pop(name, None)
    os.environ.update(variables)
    _bypass_proxies(url)
    colab.guard_token_secret(may_pass=None)
    notes = ["small models, staged numbers; your real token and cache are not used"]
    named = named_before.get("PRACTICE_HUB_URL")
    if named and named.rstrip("/") != url:
        notes.append(f"no practice Hub answers at {named} (PRACTICE_HUB_URL), so this one is new")
    return url, str(home), notes


def _bypass_proxies(url: str) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host.strip() for host in os.environ.get(name, "").split(",") if host.strip()]
        if "*" not in hosts:
            own = ["127.0.0.1", "localhost", urlsplit(url).hostname or ""]
            os.environ[name] = ",".join(dict.fromkeys([*hosts, *own]))


def _running_practice_hub() -> tuple[str, Path] | None:
    """A practice Hub that was started for this kernel by somebody else, and its home."""
    for variable in ("PRACTICE_HUB_URL", "HF_ENDPOINT"):
        url = os.environ.get(variable, "").rstrip("/")
        instance = _practice_instance(url)
        if instance is None:
            continue
        named = os.environ.get("PRACTICE_HUB_HOME") if variable == "PRACTICE_HUB_URL" else None
        cache = _path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
        return url, _make_home(_path(named) if named else cache / "practice-hub" / instance)
    return None


def _start_practice_hub() -> tuple[str, Path]:
    from practice_hub import PracticeHub

    try:
        home = _make_home(Path(tempfile.mkdtemp(prefix="practice-hub-")))
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


def _remove_home(home: Path, owner: int) -> None:
    if os.getpid() == owner:  # not in a fork
        shutil.rmtree(home, ignore_errors=True)


def _make_home(home: Path) -> Path:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / HOME_MARKER).touch()
    except OSError as error:
        raise CourseError(
            f"{home} cannot hold the practice Hub's files ({error.strerror}). Name another folder "
            "in PRACTICE_HUB_HOME."
        ) from None
    return home


# The real Hub


def _use_real_hub() -> tuple[str, str, list[str]]:
    endpoint = _real_endpoint()
    if os.environ.get("HF_ENDPOINT", "").rstrip("/") != endpoint:
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
    wanted = {"HF_ENDPOINT": endpoint, "HF_TOKEN_PATH": str(token_file.absolute())}
    _refuse_if_imported(wanted)
    notes = []
    if endpoint.startswith("http://"):
        notes.append(f"{endpoint} is plain http: what you send there, a token too, can be read")
    if _offline():
        notes.append("offline mode is set: only what is in the cache can be loaded")
    if token_file.is_file() and _is_practice_token(token_file.read_text(errors="replace")):
        os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
        notes.append(
            f"{token_file} holds a practice token, so it is not sent: run `hf auth logout`"
        )
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
    path = _path(text)
    return bool(text) and any((at / HOME_MARKER).exists() for at in (path, *path.parents))


def _is_practice_token(text: str) -> bool:
    return text.strip().startswith(PRACTICE_TOKEN)


# Both


def _refuse_if_imported(variables: dict[str, str] | None = None) -> None:
    """The client keeps the places that it read at import. Raise if they are not ``variables``."""
    constants = sys.modules.get("huggingface_hub.constants")
    if constants is None:
        return
    read = {
        "HF_ENDPOINT": constants.ENDPOINT,
        "HF_TOKEN_PATH": constants.HF_TOKEN_PATH,
        "HF_HUB_CACHE": constants.HF_HUB_CACHE,
    }
    wanted = variables or {"HF_ENDPOINT": "a practice Hub"}
    for name, value in wanted.items():
        found = read.get(name, value)
        if found == value or (name != "HF_ENDPOINT" and Path(found).absolute() == Path(value)):
            continue
        raise CourseError(
            f"huggingface_hub was imported before cu.start() and stays with {name}={found}; "
            f"this notebook wants {value}.\n{restart_words()}"
        )


def _installed(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _not_measured(device: Device) -> list[str]:
    if device.kind == "cuda":
        return []
    return [
        "no CUDA GPU here, so VRAM is computed or recorded, not measured; speeds are this machine's"
    ]
