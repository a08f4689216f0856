"""The Hub's license identifiers, what each asks for, and how its text is recognized."""

from __future__ import annotations

import csv
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from course_utils import text

HEAD = 3000  # characters of a license file in which it says what it is
# Licenses by how much they ask for, least first.
KINDS = ("permissive", "weak-copyleft", "copyleft", "conditional", "non-commercial", "unknown")
FAMILIES = ("cc", "openrail")  # their members differ in what they allow
SAY_NOTHING = ("other", "unknown")


@dataclass(frozen=True)
class License:
    """One identifier of the Hub's list. ``kind`` is our reading of it, one of ``KINDS``.

    ``conditions`` are keys of ``conditions.toml``; ``released`` is the date from which a
    Llama license counts users.
    """

    id: str
    name: str
    kind: str
    conditions: tuple[str, ...]
    released: str
    note: str

    def conditions_for(self, use: str) -> tuple[str, ...]:
        """The conditions of this use, in plain words."""
        table = _read_toml("conditions.toml")
        asked = [table[key] for key in self.conditions]
        return tuple(
            condition["text"].format(name=self.name, released=self.released)
            for condition in asked
            if use in condition.get("uses", (use,))
        )


@cache
def known_licenses() -> dict[str, License]:
    """The Hub's list of identifiers, each by its spelling without case, spaces and hyphens."""
    table = resources.files(__package__) / "licenses.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = [
            License(
                id=row["id"],
                name=row["name"],
                kind=row["class"],
                conditions=tuple(row["conditions"].split()),
                released=row["released"],
                note=row["note"],
            )
            for row in csv.DictReader(file)
        ]
    return {_key(row.id): row for row in rows}


def find_license(identifier: Any) -> License | None:
    """By identifier or name, in whatever case, with spaces, hyphens or underscores.

    SPDX's "-only" and "-or-later" are left off: they do not change the kind.
    """
    if not isinstance(identifier, str):
        return None
    key = re.sub(r"(only|orlater)$", "", _key(identifier))
    return known_licenses().get(key) or _by_name().get(key)


def license_kind(identifier: str | None) -> str:
    """What kind of license an identifier names, without asking anybody.

    "permissive", "weak-copyleft", "copyleft", "conditional" (a license of the model's own maker),
    "non-commercial", or "unknown": no tag, ``other``, a family name that covers several, or an
    identifier that is not on the Hub's list. Case, spaces and hyphens do not matter.
    """
    found = find_license(identifier)
    return found.kind if found else "unknown"


def nearest(identifier: str) -> str | None:
    """The known identifier that is spelled most like this one, if any is near."""
    near = text.nearest(_key(identifier), known_licenses(), likeness=0.75)
    return known_licenses()[near[0]].id if near else None


def recognize(text: str) -> License | None:
    """The license whose text this is, told from its first ``HEAD`` characters; None if unsure."""
    head = _words(text[: 2 * HEAD])[:HEAD]
    fitting = {}
    for identifier, phrases in _read_toml("texts.toml").items():
        found = [re.search(f" {phrase} ", head) for phrase in phrases]
        if all(found):
            fitting[identifier] = found[0].start()
    if fitting:
        return find_license(min(fitting, key=fitting.__getitem__))
    names = {_words(row.name): row for row in known_licenses().values()}
    titles = [name for name in names if len(name) > 15 and name in head]
    return names[max(titles, key=len)] if titles else None


def mentioned(text: str) -> list[License]:
    """The licenses that a piece of prose names, by identifier or name, in order, each once."""
    found: dict[str, License] = {}
    for match in _mention().finditer(re.sub(r"(?i),? (v|version) ?(?=\d)", " ", text)):
        row = find_license(match[0])
        if row is not None:
            found.setdefault(row.id, row)
    return list(found.values())


@cache
def _mention() -> re.Pattern[str]:
    spelled: dict[str, bool] = {}  # spelling -> whether capitals matter
    for row in known_licenses().values():
        if row.id in (*SAY_NOTHING, *FAMILIES):
            continue
        spelled[row.name] = False
        telling = any(letter.isdigit() for letter in row.id) or "-" in row.id
        spelled[row.id if telling else row.id.upper()] = not telling
    parts = [
        r"[\s_-]+".join(re.escape(part) for part in re.split(r"[\s-]+", spelling))
        if capitals
        else f"(?i:{r'[ _-]?'.join(re.escape(part) for part in re.split(r'[ -]+', spelling))})"
        for spelling, capitals in sorted(spelled.items(), key=lambda pair: -len(pair[0]))
    ]
    return re.compile(rf"(?<![\w.-])(?:{'|'.join(parts)})(?![\w-]|\.\d)")


@cache
def _by_name() -> dict[str, License]:
    return {_key(row.name): row for row in known_licenses().values()}


@cache
def _read_toml(name: str) -> dict[str, Any]:
    table = resources.files(__package__) / name
    return tomllib.loads(table.read_text(encoding="utf-8"))


def _key(identifier: str) -> str:
    return re.sub(r"[\s_-]+", "", identifier.casefold())


def _words(text: str) -> str:
    return f" {' '.join(re.sub(r'[^a-z0-9+]+', ' ', text.casefold()).split())} "
