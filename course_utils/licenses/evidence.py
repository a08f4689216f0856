"""What a repo says of its license: tag, license files, the card's own words, the gate."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_utils.cards.markdown import read_card_text
from course_utils.errors import HubTrouble
from course_utils.hub.client import read_text
from course_utils.licenses.table import SAY_NOTHING, License, find_license, mentioned, recognize
from course_utils.licenses.verdict import Ruling, described, each_once, either, rule
from course_utils.text import shorten

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

FOR_BUSINESS = ("commercial", "internal")
MOST_FILES = 4
MOST_CLUES = 8

LICENSE_FILE = re.compile(
    r"(model[_-]?)?(licen[cs]e|copying)([._ -][\w .-]*)?|[\w-]+[._-]licen[cs]e(\.(md|txt))?",
    re.IGNORECASE,
)
FORBIDS_BUSINESS = re.compile(
    r"\bnon-?[ ]?commercial\b|\bno commercial use\b|\bnot (be used )?for (any )?commercial\b"
    r"|\b(research|academic|evaluation|educational)( use| purposes?)? only\b"
    r"|\bonly (be used )?for (\w+ )?(research|academic|evaluation)\b",
    re.IGNORECASE,
)
ALLOWS_BOTH = re.compile(
    r"\bcommercial\w*( use)?,?( and| or|/| as well as)( for)? non-?[ ]?commercial\w*"
    r"|\bnon-?[ ]?commercial\w*( use)?,?( and| or|/| as well as)( for)? commercial",
    re.IGNORECASE,
)
WORTH_READING = re.compile(
    FORBIDS_BUSINESS.pattern + r"|monthly|\d[\d,.]* (million|billion|people|users)|active users"
    r"|revenue|compet(e|ing|itor)|improve any|may not (use|be used)|must not|prohibited"
    r"|acceptable use|pass on|notice|attribution|prominently|begin the name|commercial",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Evidence:
    """``source`` is where it was read: "tag", a file's name, "gate", "card", "base model"."""

    source: str
    says: str


@dataclass(frozen=True)
class Stated:
    """What one repo says of its license. ``tags`` as its author wrote them."""

    tags: tuple[Any, ...]
    named: str
    texts: tuple[tuple[str, License], ...] = ()  # source, license that its text is recognized as
    forbids: tuple[str, ...] = ()  # words elsewhere that forbid use in a business
    findings: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    @property
    def telling_tags(self) -> tuple[Any, ...]:
        rows = [(tag, find_license(tag)) for tag in self.tags]
        return tuple(tag for tag, row in rows if row is None or row.id not in SAY_NOTHING)


@dataclass
class _Notes:
    """What is gathered while a repo is read."""

    texts: list[tuple[str, License]] = field(default_factory=list)
    forbids: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    out_of_reach: bool = False  # the Hub stopped answering: no use in asking for more files

    def add(self, source: str, says: str) -> None:
        self.evidence.append(Evidence(source, says))


def metadata_of(info: ModelInfo) -> dict[str, Any]:
    return info.card_data.to_dict() if info.card_data else {}


def tags_of(info: ModelInfo, metadata: dict[str, Any]) -> tuple[Any, ...]:
    named = metadata.get("license")
    if named is None:
        prefix = "license:"
        named = [tag.removeprefix(prefix) for tag in info.tags or () if tag.startswith(prefix)]
    return tuple(each_once(named if isinstance(named, list) else [named]))


def read_repo(info: ModelInfo, metadata: dict[str, Any]) -> Stated:
    tags, notes = tags_of(info, metadata), _Notes()
    name, link = metadata.get("license_name"), metadata.get("license_link")
    for tag in tags:
        notes.add("tag", described(tag))
    if not tags:
        notes.add("tag", "none")
    if name:
        notes.add("license_name", shorten(str(name)))
    if link:
        notes.add("license_link", shorten(str(link)))
    files = [one.rfilename for one in info.siblings or ()]
    _read_license_files(info.id, files, notes)
    if "README.md" in files and not notes.out_of_reach:
        _read_card(info.id, tags, notes)
    _read_gate(info, metadata, notes)
    return Stated(
        tags=tags,
        named=str(name or ""),
        texts=tuple(notes.texts),
        forbids=tuple(notes.forbids),
        findings=tuple(notes.findings),
        evidence=tuple(notes.evidence),
    )


def _read_license_files(repo_id: str, files: list[str], notes: _Notes) -> None:
    names = [name for name in files if "/" not in name and LICENSE_FILE.fullmatch(name)]
    if not names:
        notes.add("LICENSE", "no such file")
    for name in names[:MOST_FILES]:
        try:
            text = read_text(repo_id, name) or ""
        except HubTrouble as trouble:
            gated = trouble.problem in ("gated", "forbidden")
            notes.add(name, f"not read: {'behind the gate' if gated else trouble.problem}")
            if gated:
                continue
            notes.out_of_reach = True
            return
        row = recognize(text)
        if row is not None:
            notes.add(name, f"reads like {row.id}: {row.name} ({row.kind})")
            if "code" not in name.casefold():
                notes.texts.append((name, row))
        else:
            notes.add(name, "not recognized: a text of its own" if text.strip() else "empty")
        if row is None or row.kind == "permissive":
            _note_clues(name, text, notes, all_of_them=row is None)


def _forbids_business(text: str) -> re.Match[str] | None:
    return FORBIDS_BUSINESS.search(ALLOWS_BOTH.sub("", text))


def _note_clues(source: str, text: str, notes: _Notes, all_of_them: bool) -> None:
    """Lines that a person should read: those that forbid business, or all that are worth it."""
    shown = 0
    for number, line in enumerate(re.split(r"\r\n?|\n", text), start=1):
        forbids = _forbids_business(line)
        if not (forbids or (all_of_them and WORTH_READING.search(line))):
            continue
        quoted = f"line {number}: {shorten(' '.join(line.split()))}"
        if forbids:
            notes.forbids.append(f"{source}, {quoted}")
        if shown < MOST_CLUES:
            notes.add(source, quoted)
        shown += 1
    if shown > MOST_CLUES:
        notes.add(source, f"and {shown - MOST_CLUES} more such lines: read them there")


def _read_card(repo_id: str, tags: tuple[Any, ...], notes: _Notes) -> None:
    """What the card says of its license in its own words."""
    try:
        card = read_card_text(read_text(repo_id, "README.md") or "")
    except HubTrouble as trouble:
        notes.add("card", f"not read: {trouble.problem}")
        return
    if card.problem:
        notes.findings.append(f"The card's metadata cannot be used: {card.problem}.")
    tagged = {row.id for row in map(find_license, tags) if row}
    for passage in card.about("license"):
        place = f"lines {passage.first}-{passage.last}"
        rows = mentioned(passage.text)
        if rows:
            notes.add("card", f"{place} name {', '.join(row.id for row in rows)}")
        strict = [row for row in rows if row.kind == "non-commercial" and row.id not in tagged]
        agrees = any(row.id in tagged for row in rows)
        if tagged:  # code and weights often differ, so one that agrees is not enough
            notes.texts += [("card", row) for row in (strict if agrees else rows)]
        if rows and not tagged:
            named = ", ".join(row.id for row in rows)
            notes.findings.append(
                f"The card's text names {named} ({place}), but no tag does: ask its author."
            )
        forbids = None if strict else _forbids_business(passage.text)
        if forbids:
            line = next(line for line in passage.text.splitlines() if forbids[0] in line)
            notes.forbids.append(f"the card, {place}: {shorten(line)}")


def _read_gate(info: ModelInfo, metadata: dict[str, Any], notes: _Notes) -> None:
    prompt = str(metadata.get("extra_gated_prompt") or "")
    fields = metadata.get("extra_gated_fields")
    asked = [str(label) for label in fields] if isinstance(fields, dict) else []
    if info.gated:
        notes.add("gate", f"{info.gated}: its terms are accepted before the files are given out")
    if not prompt and not asked:
        return
    row = recognize(prompt)
    if row is not None:
        notes.add("gate", f"its terms read like {row.id}: {row.name} ({row.kind})")
        notes.texts.append(("the gate", row))
        return
    for line in [*prompt.splitlines(), *asked]:
        line = shorten(line.strip())
        if _forbids_business(line):
            notes.forbids.append(f"the gate: {line}")
        if WORTH_READING.search(line):
            notes.add("gate", line)


def rule_repo(stated: Stated, use: str) -> tuple[Ruling, list[str]]:
    """The verdict on what a repo says of itself, and what is odd about that."""
    findings = list(stated.findings)
    tags = stated.telling_tags
    if tags:
        ruling = either(rule(tag, use) for tag in tags)
        ruling = _hold_against_texts(stated, ruling, use, findings)
    elif stated.texts:
        ruling = either(rule(row.id, use) for _, row in stated.texts)
        if not stated.tags:
            source, row = stated.texts[0]
            findings.append(f"No license tag. {source} reads like {row.id}, which was taken.")
    else:
        ruling = Ruling("cannot-tell", "unknown", _nothing_said(stated))
        if not stated.tags:
            findings.append("No license tag: without a license, nothing is allowed by it.")
    if stated.forbids and ruling.kind != "non-commercial":
        findings += [f"It limits the use: {words}" for words in stated.forbids[:3]]
        if use in FOR_BUSINESS and ruling.verdict in ("yes", "yes-if"):
            reason = f"The tag would allow it, other words of the repo do not. {ruling.reason}"
            ruling = Ruling("cannot-tell", ruling.kind, reason)
    elif FORBIDS_BUSINESS.search(stated.named.replace("_", "-")):
        findings.append(f"Its name says so: {shorten(stated.named)} (non-commercial).")
    return ruling, findings


def _hold_against_texts(stated: Stated, ruling: Ruling, use: str, findings: list[str]) -> Ruling:
    """The ruling on the tags, changed where a license text says another license."""
    tagged = {row.id for row in map(find_license, stated.telling_tags) if row}
    agrees = any(row.id in tagged for source, row in stated.texts if source != "card")
    others = [
        (source, row)
        for source, row in stated.texts
        if row.id not in tagged and not (agrees and row.kind == "permissive")
    ]
    if not others:
        return ruling
    named = ", ".join(sorted(tagged)) or "another"
    for source, row in others:
        findings.append(f"The tag says {named}, {source} says {row.id}: they contradict.")
    why = "Tag and text of this repo contradict each other."
    return either([ruling, *(rule(row.id, use) for _, row in others)], why)


def _nothing_said(stated: Stated) -> str:
    if not stated.tags:
        return "The repo names no license, and that is no permission: ask its author."
    own_text = any("a text of its own" in one.says for one in stated.evidence)
    called = f" called {shorten(stated.named)}" if stated.named else ""
    where = "read that text" if own_text else "find its text and read it"
    return f"Its tag says only that it has a license of its own{called}: {where}."
