"""``check_license()``: may this model be used for that, and what says so.

Read are the tag, the license file, the card's own words, the terms on the gate, and the licenses of
the base models. Where these do not say, the answer is "cannot-tell".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_utils.card_text import read_card_text
from course_utils.course_error import CourseError
from course_utils.hub_client import HubTrouble, model_info, read_text
from course_utils.license_table import (
    FAMILIES,
    KINDS,
    SAY_NOTHING,
    License,
    find_license,
    known_licenses,
    license_kind,
    mentioned,
    nearest,
    recognize,
)
from course_utils.lineage import REPO_ID, Ancestor, ancestors, repo_id_of
from course_utils.report import Report

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

__all__ = [
    "KINDS",
    "USES",
    "License",
    "LicenseReport",
    "check_license",
    "known_licenses",
    "license_kind",
]

USES = ("commercial", "internal", "research", "personal")
VERDICTS = {"yes": "yes", "yes-if": "yes, if", "cannot-tell": "cannot tell", "no": "no"}
WORST_LAST = tuple(VERDICTS)
FOR_BUSINESS = ("commercial", "internal")
NOT_ADVICE = "a reading aid, not legal advice"
LONGEST = 200
MOST_FILES = 4
MOST_CLUES = 5

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


@dataclass(frozen=True, repr=False)
class LicenseReport(Report):
    """May ``subject`` be put to this ``use``?

    ``verdict``: "yes"; "yes-if", with the ``conditions``; "no"; or "cannot-tell", where what is
    there does not say. ``kind`` is one of ``KINDS``. ``findings`` are what does not fit together or
    is missing, such as a permissive tag over a restricted base model.
    """

    subject: str
    use: str
    verdict: str
    kind: str
    reason: str
    conditions: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    def title(self) -> str:
        return f"{self.subject}, {self.use} use: {VERDICTS[self.verdict]}"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "kind", self.kind
        yield "reason", self.reason
        for condition in self.conditions:
            yield "if", condition
        for finding in self.findings:
            yield "finding", finding
        for evidence in self.evidence:
            yield evidence.source, evidence.says
        yield "note", NOT_ADVICE


def check_license(
    repo_id_or_license: str | Sequence[str], use: str = "commercial"
) -> LicenseReport:
    """Judge the license of a repo, or a license identifier, for one use.

    Args:
        repo_id_or_license: "owner/name", an identifier such as "apache-2.0", or a list of
            identifiers. A word without a slash is an identifier if the Hub's list has it; if not,
            the Hub is asked whether it is a repo, such as "gpt2".
        use: "commercial": in or for something that is sold or offered. "internal": inside a
            company or authority. "research": published or taught, without commercial aim.
            "personal": privately, earning nothing.

    Raises:
        CourseError: no such use, nothing that could be a repo or a license, or the Hub gave no
            answer about a repo.
    """
    use = _use(use)
    if isinstance(repo_id_or_license, str):
        text = repo_id_of(repo_id_or_license)
        if "/" in text:
            return _check_repo(text, use)
        if not text:
            raise CourseError('Give a repo id ("owner/name") or a license identifier ("mit").')
        if find_license(text) is None and REPO_ID.fullmatch(text):
            return _check_repo_or_unknown(text, use)
        listed: list[Any] = [text]
    elif isinstance(repo_id_or_license, (list, tuple)) and repo_id_or_license:
        listed = list(repo_id_or_license)
    else:
        raise CourseError(
            "A license is asked for by a repo id, an identifier or a list of identifiers; this is "
            f"something of type {type(repo_id_or_license).__name__}."
        )
    ruling = _either(_rule(one, use) for one in _each_once(listed))
    return LicenseReport(
        subject=_shortened(", ".join(str(one).strip() for one in listed)),
        use=use,
        verdict=ruling.verdict,
        kind=ruling.kind,
        reason=ruling.reason,
        conditions=ruling.conditions,
        evidence=tuple(Evidence("identifier", _described(one)) for one in _each_once(listed)),
    )


# --- Rulings -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ruling:
    """A verdict on one license, or on several together."""

    verdict: str
    kind: str
    reason: str
    conditions: tuple[str, ...] = ()


def _rule(identifier: Any, use: str) -> _Ruling:
    """What one identifier says about one use."""
    row = find_license(identifier)
    if row is None:
        return _Ruling("cannot-tell", "unknown", _unknown_words(str(identifier)))
    if row.id in FAMILIES:
        reason = (
            f"{row.id} is the name of a family. Its members differ in what they allow, and the tag "
            "does not say which one is meant."
        )
        return _Ruling("cannot-tell", row.kind, reason)
    if row.id in SAY_NOTHING:
        return _Ruling("cannot-tell", row.kind, f"{row.id} names no license.")
    if row.kind == "non-commercial":
        return _rule_non_commercial(row, use)
    conditions = row.conditions_for(use)
    return _Ruling("yes-if" if conditions else "yes", row.kind, _reason(row), conditions)


def _rule_non_commercial(row: License, use: str) -> _Ruling:
    research_only = "research-only" in row.conditions
    aim = "research only" if research_only else "non-commercial use only"
    if use == "commercial":
        return _Ruling("no", row.kind, f"{row.name}: {aim}.")
    if use == "internal":
        reason = f"{row.name}: {aim}. A tool inside a company serves its business: count it as no."
        return _Ruling("no", row.kind, reason)
    if use == "personal" and research_only:
        reason = f"{row.name}: {aim}. Whether private use is research, only its own text can say."
        return _Ruling("cannot-tell", row.kind, reason)
    return _Ruling("yes-if", row.kind, f"{row.name}: {aim}.", row.conditions_for(use))


def _reason(row: License) -> str:
    words = {
        "permissive": "any use, commercial ones included; keep its notices in copies you pass on",
        "weak-copyleft": "any use, but changes to its own files stay open",
        "copyleft": "any use, but what you make of it and pass on stays open",
        "conditional": "many uses, under conditions; read them",
    }
    note = f" Mind: {row.note}." if row.note else ""
    return f"{row.name}: {words[row.kind]}.{note}"


def _either(rulings: Iterable[_Ruling], why: str = "") -> _Ruling:
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
        said = " ".join(dict.fromkeys(_shortened(ruling.reason) for ruling in given[:4]))
        return _Ruling("cannot-tell", strictest.kind, f"{why} {said}")
    worst = max(given, key=lambda ruling: WORST_LAST.index(ruling.verdict))
    reasons = dict.fromkeys(ruling.reason for ruling in given[:4])
    return _Ruling(worst.verdict, strictest.kind, " ".join(reasons), _all_conditions(given))


def _all_conditions(rulings: Iterable[_Ruling]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for ruling in rulings for text in ruling.conditions))


def _unknown_words(identifier: str) -> str:
    near = nearest(identifier)
    meant = f" Did its author mean {near}?" if near else ""
    return f"{_shortened(identifier.strip())!r} is not on the Hub's list of licenses.{meant}"


def _described(identifier: Any) -> str:
    row = find_license(identifier)
    if row is None:
        return f"{_shortened(str(identifier).strip())}: not on the Hub's list"
    if row.id in SAY_NOTHING:
        return row.id
    note = f"; {row.note}" if row.note else ""
    return f"{row.id}: {row.name} ({row.kind}{note})"


# --- What a repo says ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stated:
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


def _check_repo_or_unknown(text: str, use: str) -> LicenseReport:
    """A word that is on no list: a repo of an old, short name, or an identifier nobody knows."""
    try:
        return _check_repo(text, use)
    except CourseError as error:
        asked = isinstance(error, HubTrouble) and error.kind in ("missing", "no repo id")
        says = "no repo of that name either" if asked else f"not asked for a repo: {error}"
    ruling = _rule(text, use)
    return LicenseReport(
        text, use, ruling.verdict, ruling.kind, ruling.reason, evidence=(Evidence("Hub", says),)
    )


def _check_repo(repo_id: str, use: str) -> LicenseReport:
    info = model_info(repo_id)
    metadata = _metadata(info)
    stated = _read_repo(info, metadata)
    own, findings = _rule_repo(stated, use)
    ruling, evidence = own, list(stated.evidence)
    for ancestor in ancestors(info.id, metadata):
        ruling, found, says = _weigh(ancestor, own, ruling, use)
        findings += found
        evidence.append(Evidence("base model", says))
    return LicenseReport(
        subject=info.id,
        use=use,
        verdict=ruling.verdict,
        kind=ruling.kind,
        reason=ruling.reason,
        conditions=ruling.conditions if ruling.verdict == "yes-if" else (),
        findings=tuple(dict.fromkeys(findings)),
        evidence=tuple(evidence),
    )


def _metadata(info: ModelInfo) -> dict[str, Any]:
    return info.card_data.to_dict() if info.card_data else {}


def _tags(info: ModelInfo, metadata: dict[str, Any]) -> tuple[Any, ...]:
    named = metadata.get("license")
    if named is None:
        prefix = "license:"
        named = [tag.removeprefix(prefix) for tag in info.tags or () if tag.startswith(prefix)]
    return tuple(_each_once(named if isinstance(named, list) else [named]))


def _read_repo(info: ModelInfo, metadata: dict[str, Any]) -> _Stated:
    tags, notes = _tags(info, metadata), _Notes()
    name, link = metadata.get("license_name"), metadata.get("license_link")
    for tag in tags:
        notes.add("tag", _described(tag))
    if not tags:
        notes.add("tag", "none")
    if name:
        notes.add("license_name", _shortened(str(name)))
    if link:
        notes.add("license_link", _shortened(str(link)))
    files = [one.rfilename for one in info.siblings or ()]
    _read_license_files(info.id, files, notes)
    if "README.md" in files and not notes.out_of_reach:
        _read_card(info.id, tags, notes)
    _read_gate(info, metadata, notes)
    return _Stated(
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
            gated = trouble.kind in ("gated", "forbidden")
            notes.add(name, f"not read: {'behind the gate' if gated else trouble.kind}")
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
        quoted = f"line {number}: {_shortened(' '.join(line.split()))}"
        if forbids:
            notes.forbids.append(f"{source}, {quoted}")
        if shown < MOST_CLUES:
            notes.add(source, quoted)
        shown += 1


def _read_card(repo_id: str, tags: tuple[Any, ...], notes: _Notes) -> None:
    """What the card says of its license in its own words."""
    try:
        card = read_card_text(read_text(repo_id, "README.md") or "")
    except HubTrouble as trouble:
        notes.add("card", f"not read: {trouble.kind}")
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
            notes.forbids.append(f"the card, {place}: {_shortened(line)}")


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
        line = _shortened(line.strip())
        if _forbids_business(line):
            notes.forbids.append(f"the gate: {line}")
        if WORTH_READING.search(line):
            notes.add("gate", line)


def _rule_repo(stated: _Stated, use: str) -> tuple[_Ruling, list[str]]:
    """The verdict on what a repo says of itself, and what is odd about that."""
    findings = list(stated.findings)
    tags = stated.telling_tags
    if tags:
        ruling = _either(_rule(tag, use) for tag in tags)
        ruling = _hold_against_texts(stated, ruling, use, findings)
    elif stated.texts:
        ruling = _either(_rule(row.id, use) for _, row in stated.texts)
        if not stated.tags:
            source, row = stated.texts[0]
            findings.append(f"No license tag. {source} reads like {row.id}, which was taken.")
    else:
        ruling = _Ruling("cannot-tell", "unknown", _nothing_said(stated))
        if not stated.tags:
            findings.append("No license tag: without a license, nothing is allowed by it.")
    if stated.forbids and ruling.kind != "non-commercial":
        findings += [f"It limits the use: {words}" for words in stated.forbids[:3]]
        if use in FOR_BUSINESS and ruling.verdict in ("yes", "yes-if"):
            reason = f"The tag would allow it, other words of the repo do not. {ruling.reason}"
            ruling = _Ruling("cannot-tell", ruling.kind, reason)
    elif FORBIDS_BUSINESS.search(stated.named.replace("_", "-")):
        findings.append(f"Its name says so: {_shortened(stated.named)} (non-commercial).")
    return ruling, findings


def _hold_against_texts(stated: _Stated, ruling: _Ruling, use: str, findings: list[str]) -> _Ruling:
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
    return _either([ruling, *(_rule(row.id, use) for _, row in others)], why)


def _nothing_said(stated: _Stated) -> str:
    if not stated.tags:
        return "The repo names no license, and that is no permission: ask its author."
    own_text = any("a text of its own" in one.says for one in stated.evidence)
    called = f" called {_shortened(stated.named)}" if stated.named else ""
    where = "read that text" if own_text else "find its text and read it"
    return f"Its tag says only that it has a license of its own{called}: {where}."


# --- Base models ---------------------------------------------------------------------------------


def _weigh(
    ancestor: Ancestor, own: _Ruling, so_far: _Ruling, use: str
) -> tuple[_Ruling, list[str], str]:
    """The verdict with one base model's license taken into account; findings; evidence."""
    name = ancestor.name
    # An owner may set another license on what is made of a model of the same owner.
    same_owner = name.split("/")[0].casefold() == ancestor.child.split("/")[0].casefold()
    if ancestor.info is None:
        finding = f"The license of its base model {name} is not known: {ancestor.problem}."
        if same_owner and ancestor.is_repo_id:
            return so_far, [finding], f"{name}: {ancestor.problem}"
        unseen = _Ruling("cannot-tell", "unknown", finding)
        return _worse(so_far, unseen), [finding], f"{name}: {ancestor.problem}"
    metadata = _metadata(ancestor.info)
    stated = _Stated(_tags(ancestor.info, metadata), str(metadata.get("license_name") or ""))
    if not stated.telling_tags:
        stated = _read_repo(ancestor.info, metadata)
    theirs, _ = _rule_repo(stated, use)
    tags = ", ".join(str(tag) for tag in stated.tags) or "no license tag"
    says = f"{name}: {_shortened(tags)} ({theirs.kind}), named by {ancestor.child}"
    if theirs.kind == "unknown":
        finding = f"The license of its base model {name} does not say what it allows ({tags})."
        if same_owner:
            return so_far, [finding], says
        return _worse(so_far, _Ruling("cannot-tell", "unknown", finding)), [finding], says
    adds = set(theirs.conditions) - set(own.conditions)
    stricter = WORST_LAST.index(theirs.verdict) > WORST_LAST.index(own.verdict)
    if theirs.kind == "permissive" or not (adds or stricter):
        return _worse(so_far, theirs), [], says
    finding = (
        f"Its base model {name} is under {_shortened(tags)} ({theirs.kind}), which asks for more "
        "than the tag of this repo. A finetune cannot give away what its base model did not."
    )
    reason = f"The base model {name} decides. {theirs.reason}"
    theirs = _Ruling(theirs.verdict, theirs.kind, reason, theirs.conditions)
    return _worse(so_far, theirs), [finding], says


def _worse(so_far: _Ruling, theirs: _Ruling) -> _Ruling:
    """Both have to be kept: the worse verdict, and the conditions of both."""
    conditions = _all_conditions([so_far, theirs])
    worse = WORST_LAST.index(theirs.verdict) > WORST_LAST.index(so_far.verdict)
    deciding = theirs if worse else so_far
    return _Ruling(deciding.verdict, deciding.kind, deciding.reason, conditions)


# --- Small things --------------------------------------------------------------------------------


def _use(use: Any) -> str:
    wanted = use.strip().lower() if isinstance(use, str) else use
    if wanted not in USES:
        raise CourseError(f"{use!r} is no use that is known here. Known are {', '.join(USES)}.")
    return wanted


def _each_once(listed: Iterable[Any]) -> list[Any]:
    """Identifiers without repetitions, however they are spelled, and without empty ones."""
    found: dict[str, Any] = {}
    for one in listed:
        text = str(one).strip() if one is not None else ""
        if text:
            row = find_license(text)
            found.setdefault(row.id if row else text, one if isinstance(one, str) else text)
    return list(found.values())


def _shortened(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 2 * LONGEST])
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
