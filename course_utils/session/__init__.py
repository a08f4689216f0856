"""``start()``: where am I, which Hub, which device."""

from __future__ import annotations

import html
import os
import platform
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from course_utils.curriculum import curriculum
from course_utils.errors import CourseError
from course_utils.gpus import Device, current_device
from course_utils.report import Report, rows_as_html
from course_utils.session.cast import player
from course_utils.session.choose_hub import choose, forget_answers, probe_and_choose
from course_utils.session.place import current_place, own_commands_first, restart_words
from course_utils.session.quiet import keep_quiet
from course_utils.session.separation import use_practice_hub, use_real_hub

if TYPE_CHECKING:
    from practice_hub.visitor import Visitor

LIBRARIES = ("transformers", "torch", "huggingface_hub", "accelerate", "bitsandbytes")


@dataclass(frozen=True, repr=False)
class Session(Report):
    """What ``start()`` found and set. ``hub`` is "practice" or "real"; ``home`` is ``HF_HOME``.

    ``endpoint`` is the Hub's address as it may be shown: in a room without your secret.
    """

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
        from practice_hub.visitor import Visitor

        if not self.on_practice_hub:
            raise CourseError(
                f"Only the practice Hub takes calls for clicks. Visit {self.endpoint}"
            )
        return Visitor(os.environ["HF_ENDPOINT"])

    def title(self) -> str:
        return f"{curriculum().title}: the {self.hub} Hub, on {self.place}"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "Hub", f"{self.endpoint} ({self.reason})"
        yield "device", self.device.title()
        yield "memory", self.device.memory_text()
        yield "versions", ", ".join(f"{name} {number}" for name, number in self.versions.items())
        for note in self.notes:
            yield "note", note

    def _repr_html_(self) -> str:
        """Three lines, and the rest folded away."""
        hub, device, memory, *rest = self.rows()
        lines = (
            f"<b>{html.escape(self.title())}</b>",
            *(
                html.escape(line)
                for line in (f"Hub: {hub[1]}", f"device: {device[1]}, {memory[1]}")
            ),
        )
        return (
            f"<p>{'<br>'.join(lines)}</p><details><summary>versions and notes</summary>"
            f"{rows_as_html(rest)}</details>"
        )


# What parts above this one want to be told of, once, when a kernel has its Hub.
after_start: list[Callable[[], None]] = []

_session: Session | None = None
_starting = threading.Lock()


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
    wanted, reason = choose(hub)
    if _session is not None:
        if wanted in (None, _session.hub):
            return _session
        raise CourseError(
            f"This kernel is on the {_session.hub} Hub and a kernel has only one.\n"
            + restart_words()
        )
    own_commands_first()
    keep_quiet()
    forget_answers()
    if wanted is None:
        wanted, reason = probe_and_choose()
    device = current_device()
    set_up = use_practice_hub if wanted == "practice" else use_real_hub
    endpoint, home, notes = set_up()
    _session = Session(
        hub=wanted,
        endpoint=endpoint,
        reason=reason,
        home=home,
        place=current_place(),
        device=device,
        versions={"Python": platform.python_version(), **_installed(LIBRARIES)},
        notes=(*notes, *_not_measured(device)),
    )
    for told in after_start:
        told()
    return _session


class _Models:
    """The repo id of each part the course casts, on the Hub in use: ``MODELS.chat``."""

    def __getattr__(self, role: str) -> str:
        cast = curriculum().models
        if role not in cast:
            raise AttributeError(f"No such role: {role!r}. The course casts {', '.join(cast)}.")
        session = current_session()
        return player(role, cast[role], session.hub, session.endpoint)

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
