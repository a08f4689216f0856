"""What one license says about one use, and what several say together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from course_utils.licenses.table import (
    FAMILIES,
    KINDS,
    SAY_NOTHING,
    License,
    find_license,
    nearest,
)
from course_utils.text import shorten

USES = ("commercial", "internal", "research", "personal")
BEST_FIRST = ("yes", "yes-if", "cannot-tell", "no")


@dataclass(frozen=True)
class Ruling:
    """A verdict on one license, or on several together."""

    verdict: str
    kind: str
    reason: str
    conditions: tuple[str, ...] = ()


def rule(identifier: Any, use: str) -> Ruling:
    """What one identifier says about one use."""
    row = find_license(identifier)
    if row is None:
        return Ruling("cannot-tell", "unknown", _unknown_words(str(identifier)))
    if row.id in FAMILIES:
        reason = (
            f"{row.id} is the name of a family. Its members differ in what they allow, and the tag "
            "does not say which one is meant."
        )
        return Ruling("cannot-tell", row.kind, reason)
    if row.id in SAY_NOTHING:
        return Ruling("cannot-tell", row.kind, f"{row.id} names no license.")
    if row.kind == "non-commercial":
        return _rule_non_commercial(row, use)
    conditions = row.conditions_for(use)
    return Ruling("yes-if" if conditions else "yes", row.kind, _reason(row), conditions)


def _rule_non_commercial(row: License, use: str) -> Ruling:
    research_only = "research-only" in row.conditions
    aim = "research only" if research_only else "non-commercial use only"
    if use == "commercial":
        return Ruling("no", row.kind, f"{row.name}: {aim}.")
    if use == "internal":
        reason = f"{row.name}: {aim}. A tool inside a company serves its business: count it as no."
        return Ruling("no", row.kind, reason)
    if use == "personal" and research_only:
        reason = f"{row.name}: {aim}. Whether private use is research, only its own text can say."
        return Ruling("cannot-tell", row.kind, reason)
    return Ruling("yes-if", row.kind, f"{row.name}: {aim}.", row.conditions_for(use))


def _reason(row: License) -> str:
    words = {
        "permissive": "any use, commercial ones included; keep its notices in copies you pass on",
        "weak-copyleft": "any use, but changes to its own files stay open",
        "copyleft": "any use, but what you make of it and pass on stays open",
        "conditional": "many uses, under conditions; read them",
    }
    note = f" Mind: {row.note}." if row.note else ""
    return f"{row.name}: {words[row.kind]}.{note}"


def either(rulings: Iterable[Ruling], why: str = "") -> Ruling:
    """Several statements about one thing, which do not say whether all hold or one may be chosen.

    Keeping to all of them is right either way, so "yes" and "yes-if" add up. A "no" beside a "yes"
    cannot be resolved.
    """
    given = list(rulings)
    verdicts = {ruling.verdict for ruling in given}
    strictest = max(given, key=lambda ruling: KINDS.index(ruling.kind))
    if len(given) == 1:
        return given[0]
    if len(verdicts) > 1 and not verdicts <= {"yes", "yes-if"}:
        why = why or "Several licenses are named, and whether you may choose one is not said."
        said = " ".join(dict.fromkeys(shorten(ruling.reason) for ruling in given[:4]))
        return Ruling("cannot-tell", strictest.kind, f"{why} {said}")
    worst = max(given, key=lambda ruling: BEST_FIRST.index(ruling.verdict))
    reasons = dict.fromkeys(ruling.reason for ruling in given[:4])
    return Ruling(worst.verdict, strictest.kind, " ".join(reasons), all_conditions(given))


def all_conditions(rulings: Iterable[Ruling]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for ruling in rulings for text in ruling.conditions))


def _unknown_words(identifier: str) -> str:
    near = nearest(identifier)
    meant = f" Did its author mean {near}?" if near else ""
    return f"{shorten(identifier.strip())!r} is not on the Hub's list of licenses.{meant}"


def described(identifier: Any) -> str:
    row = find_license(identifier)
    if row is None:
        return f"{shorten(str(identifier).strip())}: not on the Hub's list"
    if row.id in SAY_NOTHING:
        return row.id
    note = f"; {row.note}" if row.note else ""
    return f"{row.id}: {row.name} ({row.kind}{note})"


def worse(so_far: Ruling, theirs: Ruling) -> Ruling:
    """Both have to be kept: the worse verdict, and the conditions of both."""
    conditions = all_conditions([so_far, theirs])
    worse = BEST_FIRST.index(theirs.verdict) > BEST_FIRST.index(so_far.verdict)
    deciding = theirs if worse else so_far
    return Ruling(deciding.verdict, deciding.kind, deciding.reason, conditions)


def each_once(listed: Iterable[Any]) -> list[Any]:
    """Identifiers without repetitions, however they are spelled, and without empty ones."""
    found: dict[str, Any] = {}
    for one in listed:
        text = str(one).strip() if one is not None else ""
        if text:
            row = find_license(text)
            found.setdefault(row.id if row else text, one if isinstance(one, str) else text)
    return list(found.values())
