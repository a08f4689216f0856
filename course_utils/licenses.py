"""License identifiers of the Hub: what kind of license each one is."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class License:
    """One identifier of the Hub's list. ``kind`` is our reading of the license."""

    id: str
    kind: str
    note: str


@cache
def known_licenses() -> dict[str, License]:
    """The Hub's list of identifiers, each by its spelling without case, spaces and hyphens."""
    table = resources.files("course_utils.data") / "licenses.csv"
    with table.open(encoding="utf-8", newline="") as file:
        rows = [License(row["id"], row["class"], row["note"]) for row in csv.DictReader(file)]
    return {_key(row.id): row for row in rows}


def license_kind(identifier: str | None) -> str:
    """What kind of license an identifier names, without asking anybody.

    "permissive", "weak-copyleft", "copyleft", "conditional" (a license of the model's own maker),
    "non-commercial", or "unknown": no tag, ``other``, a family name that covers several, or an
    identifier that is not on the Hub's list. Case, spaces and hyphens do not matter.
    """
    found = known_licenses().get(_key(identifier)) if isinstance(identifier, str) else None
    return found.kind if found else "unknown"


def _key(identifier: str) -> str:
    return re.sub(r"[\s_-]+", "", identifier.casefold())
