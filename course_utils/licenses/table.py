"""The licenses that are known here by name, and what each asks for.

``licenses.csv`` is the Hub's list of identifiers; ``named.csv`` holds licenses of single makers,
which repos name by ``license: other`` and ``license_name``; ``conditions.toml`` says in plain words
what they ask for.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from course_utils import text
from course_utils.licenses import expression

# Licenses by how much they ask for, least first.
KINDS = ("permissive", "weak-copyleft", "copyleft", "conditional", "non-commercial", "unknown")
NOT_IN_FULL = "not in full"


@dataclass(frozen=True)
class License:
    """One license. ``kind`` is our reading of it, one of ``KINDS``.

    ``covers`` is "family" for a name that several licenses share, "nothing" for a word that names
    none, else "". ``conditions`` are keys of ``conditions.toml``; ``released`` is the date from
    which a Llama license counts users. ``read`` is what was read of its text, "" where that is well
    known; ``read_on`` and ``source`` say when and where.
    """

    id: str
    name: str
    kind: str
    covers: str = ""
    conditions: tuple[str, ...] = ()
    released: str = ""
    read: str = ""
    read_on: str = ""
    source: str = ""
    note: str = ""

    @property
    def is_family(self) -> bool:
        return self.covers == "family"

    @property
    def says_nothing(self) -> bool:
        return self.covers == "nothing"

    def conditions_for(self, use: str) -> tuple[str, ...]:
        """The conditions of this use, in plain words."""
        table = read_toml("conditions.toml")
        keys = list(self.conditions)
        if self.read == NOT_IN_FULL and self.kind != "permissive":
            keys.append("not-read")
        asked = [table[key] for key in keys]
        return tuple(
            condition["text"].format(name=self.name, released=self.released)
            for condition in asked
            if use in condition.get("uses", (use,))
        )


@cache
def known_licenses() -> dict[str, License]:
    """The Hub's list of identifiers, each by its spelling without case, spaces and hyphens."""
    return {_key(row["id"]): _license(row) for row in _rows("licenses.csv")}


@cache
def named_licenses() -> dict[str, License]:
    """Licenses of single makers, by each spelling of ``license_name`` that was met."""
    return {
        _key(spelling): _license(row)
        for row in _rows("named.csv")
        for spelling in (row["id"], *row["spellings"].split())
    }


def find_license(identifier: Any) -> License | None:
    """By identifier or name, in whatever case, with spaces, hyphens or underscores.

    SPDX's "-only" and "-or-later" are left off: they do not change the kind.
    """
    if not isinstance(identifier, str):
        return None
    key = re.sub(r"(only|orlater)$", "", _key(identifier))
    return known_licenses().get(key) or _by_name().get(key) or named_licenses().get(key)


def find_named(license_name: Any) -> License | None:
    """The license that a ``license_name`` means, with or without the word "license" at its end."""
    found = find_license(license_name)
    if found is not None or not isinstance(license_name, str):
        return None if found is not None and found.covers else found
    key = re.sub(r"^(the|meta(?=llama))", "", _key(license_name))
    key = re.sub(r"(community)?(license|licence|agreement|termsofuse|terms)*$", "", key, count=1)
    found = named_licenses().get(key) or known_licenses().get(key)
    return None if found is None or found.covers else found


def license_kind(identifier: str | None) -> str:
    """What kind of license an identifier names, without asking anybody.

    "permissive", "weak-copyleft", "copyleft", "conditional" (a license of the model's own maker),
    "non-commercial", or "unknown": no tag, ``other``, a family name that covers several, or an
    identifier that is not known here. Case, spaces and hyphens do not matter.
    """
    found = find_license(identifier)
    return found.kind if found else "unknown"


def nearest(identifier: str) -> str | None:
    """The known identifier that is spelled most like this one, if any is near."""
    near = text.nearest(_key(identifier), known_licenses(), likeness=0.75)
    return known_licenses()[near[0]].id if near else None


def mentioned(prose: str) -> list[License]:
    """The licenses that a piece of prose names, by identifier or name, in order, each once."""
    found: dict[str, License] = {}
    for match in _mention().finditer(re.sub(r"(?i),? (v|version) ?(?=\d)", " ", prose)):
        row = find_license(match[0])
        if row is not None:
            found.setdefault(row.id, row)
    return list(found.values())


def described(identifier: Any) -> str:
    """A tag with what it stands for, for a report."""
    row = find_license(identifier)
    if row is None:
        parts = [find_license(part) for part in expression.identifiers(str(identifier))]
        known = ", ".join(f"{part.id} ({part.kind})" for part in parts if part)
        says = f"an SPDX expression of {known}" if known else "not on the Hub's list"
        return f"{text.shorten(str(identifier).strip())}: {says}"
    if row.says_nothing:
        return row.id
    note = f"; {row.note}" if row.note else ""
    return f"{row.id}: {row.name} ({row.kind}{note})"


def each_once(listed: Iterable[Any]) -> list[Any]:
    """Identifiers without repetitions, however they are spelled, and without empty ones."""
    found: dict[str, Any] = {}
    for one in listed:
        spelled = str(one).strip() if one is not None else ""
        if spelled:
            row = find_license(spelled)
            found.setdefault(row.id if row else spelled, one if isinstance(one, str) else spelled)
    return list(found.values())


def all_licenses() -> Iterator[License]:
    yield from known_licenses().values()
    yield from dict.fromkeys(named_licenses().values())


@cache
def _mention() -> re.Pattern[str]:
    spelled: dict[str, bool] = {}  # spelling -> whether capitals matter
    for row in all_licenses():
        if row.covers:
            continue
        spelled[row.name] = False
        if row.source:  # of a single maker: its identifier is the name of its models, too
            continue
        telling = any(letter.isdigit() for letter in row.id) or "-" in row.id
        spelled[row.id if telling else row.id.upper()] = not telling
    parts = [
        r"[\s_-]+".join(re.escape(part) for part in re.split(r"[\s-]+", spelling))
        if capitals
        else f"(?i:{r'[ _-]*'.join(re.escape(part) for part in re.split(r'[ -]+', spelling))})"
        for spelling, capitals in sorted(spelled.items(), key=lambda pair: -len(pair[0]))
    ]
    # No letter of the Latin alphabet may stand before or behind; a Japanese one may.
    return re.compile(rf"(?<![A-Za-z0-9_.-])(?:{'|'.join(parts)})(?![A-Za-z0-9_-]|\.\d)")


@cache
def _by_name() -> dict[str, License]:
    return {_key(row.name): row for row in all_licenses()}


def _rows(name: str) -> list[dict[str, str]]:
    table = resources.files(__package__) / name
    return list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


def _license(row: dict[str, str]) -> License:
    return License(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        covers=row.get("covers", ""),
        conditions=tuple(row["conditions"].split()),
        released=row.get("released", ""),
        read=row["read"],
        read_on=row.get("read_on", ""),
        source=row.get("source", ""),
        note=row["note"],
    )


@cache
def read_toml(name: str) -> dict[str, Any]:
    """A table of this folder."""
    table = resources.files(__package__) / name
    return tomllib.loads(table.read_text(encoding="utf-8"))


def _key(identifier: str) -> str:
    return re.sub(r"[\s_-]+", "", identifier.casefold())
