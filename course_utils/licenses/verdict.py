"""What a license says about a use: of one license, of several together, of all that a repo says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from course_utils.licenses import expression
from course_utils.licenses.evidence import FOR_BUSINESS, OwnText, Stated
from course_utils.licenses.table import KINDS, License, find_license, nearest
from course_utils.text import shorten

USES = ("commercial", "internal", "research", "personal")
BEST_FIRST = ("yes", "yes-if", "cannot-tell", "no")
MOST_SHOWN = 6  # restrictions of a repo that are shown one by one


@dataclass(frozen=True)
class Ruling:
    """A verdict on one license, or on several together."""

    verdict: str
    kind: str
    reason: str
    conditions: tuple[str, ...] = ()


# --- One license ---------------------------------------------------------------------------------


def rule(identifier: Any, use: str) -> Ruling:
    """What one identifier, or an SPDX expression of several, says about one use."""
    row = find_license(identifier)
    if row is not None:
        return rule_license(row, use)
    tree = expression.parsed(str(identifier))
    if tree is not None:
        return _rule_expression(tree, use)
    return Ruling("cannot-tell", "unknown", _unknown_words(str(identifier)))


def rule_license(row: License, use: str) -> Ruling:
    if row.is_family:
        reason = (
            f"{row.id} is the name of a family. Its members differ in what they allow, and the tag "
            "does not say which one is meant."
        )
        return Ruling("cannot-tell", row.kind, reason)
    if row.says_nothing:
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


def _rule_expression(node: Any, use: str) -> Ruling:
    """OR leaves the choice, so the best part counts; AND binds to all parts."""
    match expression.operator(node):
        case "or":
            parts = [_rule_expression(part, use) for part in node.args]
            best = min(parts, key=_rank)
            return replace(best, reason=f"You may choose. {best.reason}")
        case "and":
            parts = [_rule_expression(part, use) for part in node.args]
            ruling = parts[0]
            for part in parts[1:]:
                ruling = worse(ruling, part)
            return replace(ruling, reason=f"All of them bind. {ruling.reason}")
        case _:
            return rule(expression.identifier(node), use)


def _reason(row: License) -> str:
    words = {
        "permissive": "any use, commercial ones included; keep its notices in copies you pass on",
        "weak-copyleft": "any use, but changes to its own files stay open",
        "copyleft": "any use, but what you make of it and pass on stays open",
        "conditional": "many uses, under conditions; read them",
    }
    note = f" Mind: {row.note}." if row.note else ""
    return f"{row.name}: {words[row.kind]}.{note}"


def _unknown_words(identifier: str) -> str:
    near = nearest(identifier)
    meant = f" Did its author mean {near}?" if near else ""
    return f"{shorten(identifier.strip())!r} is not on the Hub's list of licenses.{meant}"


# --- Several together ----------------------------------------------------------------------------


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
    worst = max(given, key=_rank)
    reasons = dict.fromkeys(ruling.reason for ruling in given[:4])
    return Ruling(worst.verdict, strictest.kind, " ".join(reasons), all_conditions(given))


def all_conditions(rulings: Iterable[Ruling]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for ruling in rulings for text in ruling.conditions))


def worse(so_far: Ruling, theirs: Ruling) -> Ruling:
    """Of two rulings that both have to be kept: the worse verdict, the conditions of both."""
    conditions = all_conditions([so_far, theirs])
    deciding = theirs if _rank(theirs) > _rank(so_far) else so_far
    return replace(deciding, conditions=conditions)


def _rank(ruling: Ruling) -> int:
    return BEST_FIRST.index(ruling.verdict)


# --- A repo --------------------------------------------------------------------------------------


def rule_repo(stated: Stated, use: str) -> tuple[Ruling, list[str]]:
    """The verdict on what a repo says of itself, and what is odd about that.

    In this order: its tag or the license that it names; its license texts, where they say another
    license, or a text of its own; what such a text adds; last, the words of its card and its gate.
    """
    findings = list(stated.findings)
    ruling = _rule_named(stated, use, findings)
    ruling = _hold_against_own_texts(stated, ruling, use, findings)
    ruling = _with_additions(stated, ruling)
    return _with_restrictions(stated, ruling, use, findings), findings


def _rule_named(stated: Stated, use: str, findings: list[str]) -> Ruling:
    """The ruling on the license that tag, name or text name."""
    tags = stated.telling_tags
    if tags:
        ruling = either(rule(tag, use) for tag in tags)
        return _hold_against_texts(stated, ruling, use, findings)
    if stated.named is not None:
        ruling = rule_license(stated.named, use)
        return _hold_against_texts(stated, ruling, use, findings)
    if stated.texts:
        if not stated.tags:
            source, row = stated.texts[0]
            findings.append(f"No license tag. {source} reads like {row.id}, which was taken.")
        return either(rule_license(row, use) for _, row in stated.texts)
    if not stated.tags:
        findings.append("No license tag: without a license, nothing is allowed by it.")
    elif not stated.license_name and not stated.own_texts:
        findings.append("Its tag says that it has a license of its own, and nothing says which.")
    return Ruling("cannot-tell", "unknown", _nothing_said(stated))


def _hold_against_texts(stated: Stated, ruling: Ruling, use: str, findings: list[str]) -> Ruling:
    """The ruling on what is named, changed where a license text says another license."""
    rows = [row for tag in stated.telling_tags for row in stated.licenses_of(tag)]
    named = {row.id for row in rows} or {row.id for row in [stated.named] if row}
    agrees = any(row.id in named for source, row in stated.texts if source != "card")
    others = [
        (source, row)
        for source, row in stated.texts
        if row.id not in named and not (agrees and row.kind == "permissive")
    ]
    if not rows:  # a license of its maker's own: a permissive text beside it is that of the code
        others = [(source, row) for source, row in others if row.kind != "permissive"]
    if not others:
        return ruling
    listed = ", ".join(sorted(named)) or "another"
    for source, row in others:
        findings.append(f"The tag says {listed}, {source} says {row.id}: they contradict.")
    why = "Tag and text of this repo contradict each other."
    return either([ruling, *(rule_license(row, use) for _, row in others)], why)


def _hold_against_own_texts(
    stated: Stated, ruling: Ruling, use: str, findings: list[str]
) -> Ruling:
    """The ruling so far, with license files that are a text of their own taken into account."""
    undecided = not stated.telling_tags and stated.named is None and not stated.texts
    for text in stated.own_texts:
        theirs = _rule_own_text(text, use)
        if undecided:
            if theirs is not None:
                ruling = theirs
                findings += [f"{text.source}, {words}" for words in text.deciding]
            continue
        if ruling.kind != "permissive" or not text.has_words or text.names_only(stated):
            continue
        findings.append(
            f"The tag says {_tag_words(stated)}, but {text.source} is a text of its own, not the "
            "text of that license."
        )
        findings += [f"{text.source}, {words}" for words in text.deciding]
        if theirs is None and text.conditions:
            theirs = Ruling("yes-if", "conditional", _own_words(text), text.conditions_in_words)
        if theirs is None or theirs.verdict == "no":
            why = f"{text.source} is a text of its own, and it is not what the tag says."
            ruling = Ruling("cannot-tell", ruling.kind, f"{why} {ruling.reason}")
        else:
            ruling = worse(ruling, theirs)
    return ruling


def _rule_own_text(text: OwnText, use: str) -> Ruling | None:
    """What a license of somebody's own says, where it says so plainly; else None."""
    if text.forbids and not (text.allows or text.sets_terms_for_commerce):
        reason = f"{text.source} is a text of its own, and keeps business out: {text.forbids[0]}"
        if use in FOR_BUSINESS:
            return Ruling("no", "non-commercial", reason)
        condition = f"Keep to what {text.source} says, {text.forbids[0]}"
        return Ruling("yes-if", "non-commercial", reason, (condition,))
    if text.forbids or text.rules_out or not text.conditions:
        return None
    if text.allows or text.sets_terms_for_commerce:
        return Ruling("yes-if", "conditional", _own_words(text), text.conditions_in_words)
    return None


def _own_words(text: OwnText) -> str:
    return f"{text.source} is a text of its own, and allows business under conditions: read it."


def _with_additions(stated: Stated, ruling: Ruling) -> Ruling:
    """What a license file adds to a known text binds as well."""
    if not stated.added or ruling.verdict not in ("yes", "yes-if"):
        return ruling
    reason = f"A license file says more than its license does. {ruling.reason}"
    conditions = (*stated.added, *ruling.conditions)
    kind = "conditional" if ruling.kind == "permissive" else ruling.kind
    return Ruling("yes-if", kind, reason, conditions)


def _with_restrictions(stated: Stated, ruling: Ruling, use: str, findings: list[str]) -> Ruling:
    """The words of card and gate: never a plain yes beside one that restricts."""
    if stated.named_non_commercial:
        findings.append(f"Its name says so: {shorten(stated.license_name)} (non-commercial).")
    if ruling.kind == "non-commercial" or not (stated.forbids or stated.terms):
        return ruling
    findings += [
        f"It limits the use: {words}" for words in (*stated.forbids, *stated.terms)[:MOST_SHOWN]
    ]
    if ruling.verdict not in ("yes", "yes-if"):
        return ruling
    if stated.forbids and use in FOR_BUSINESS:
        reason = f"The tag would allow it, other words of the repo do not. {ruling.reason}"
        return Ruling("cannot-tell", ruling.kind, reason)
    keeps = tuple(f"Keep to what it says: {words}" for words in (*stated.forbids, *stated.terms))
    return replace(ruling, verdict="yes-if", conditions=(*ruling.conditions, *keeps[:MOST_SHOWN]))


def _tag_words(stated: Stated) -> str:
    return shorten(", ".join(str(tag) for tag in stated.tags))


def _nothing_said(stated: Stated) -> str:
    if not stated.tags:
        return "The repo names no license, and that is no permission: ask its author."
    called = f" called {shorten(stated.license_name)}" if stated.license_name else ""
    where = "read that text" if stated.own_texts else "find its text and read it"
    return f"Its tag says only that it has a license of its own{called}: {where}."
