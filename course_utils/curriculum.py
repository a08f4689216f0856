"""Reads ``curriculum.toml``, the one manifest of the course."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).parent / "curriculum.toml"
HUBS = ("auto", "practice", "real")


@dataclass(frozen=True)
class Claim:
    """A sentence about a library, and the test that proves it on the installed version."""

    text: str
    test: str


@dataclass(frozen=True)
class Lesson:
    """One notebook. ``hub`` is what its ``cu.start(…)`` asks for."""

    name: str
    title: str
    why: str
    minutes: int
    core: bool
    hub: str
    needs: str
    objectives: tuple[str, ...]
    claims: tuple[Claim, ...]

    @property
    def number(self) -> str:
        return self.name.split("_")[0]


@dataclass(frozen=True)
class Curriculum:
    """``models`` maps a role to its repo id on each Hub: ``models["chat"]["practice"]``.

    A role with a ``stand_in`` is played by it where the practice Hub does not hold the model.
    """

    title: str
    repository: str
    ref: str
    models: dict[str, dict[str, str]]
    lessons: tuple[Lesson, ...]


@cache
def curriculum() -> Curriculum:
    return read(MANIFEST)


def read(path: Path) -> Curriculum:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return Curriculum(
        title=content["title"],
        repository=content["repository"],
        ref=content["ref"],
        models=content["models"],
        lessons=tuple(_lesson(table) for table in content["lessons"]),
    )


def _lesson(table: dict[str, Any]) -> Lesson:
    objectives = tuple(table["objectives"])
    claims = tuple(Claim(**claim) for claim in table.get("claims", []))
    lesson = Lesson(**{**table, "objectives": objectives, "claims": claims})
    if lesson.hub not in HUBS:
        raise ValueError(f"{lesson.name}: hub is {lesson.hub!r}, expected one of {HUBS}")
    return lesson
