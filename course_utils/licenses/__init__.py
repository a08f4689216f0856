"""``check_license()``: may this model be used for that, and what says so.

It reads the tag, the license files, the card's own words, the terms on the gate, and the licenses
of the base models. ``evidence`` gathers them, ``verdict`` and ``descent`` decide. Where these do
not say, the answer is "cannot-tell".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from course_utils.cards.lineage import ancestors, bases_of
from course_utils.errors import CourseError, HubTrouble
from course_utils.hub.client import model_info
from course_utils.hub.repo_id import REPO_ID, repo_id_of
from course_utils.licenses.descent import hidden_family, weigh, weigh_family
from course_utils.licenses.evidence import Evidence, read_repo
from course_utils.licenses.table import (
    KINDS,
    License,
    described,
    each_once,
    find_license,
    known_licenses,
    license_kind,
)
from course_utils.licenses.verdict import USES, either, rule, rule_repo
from course_utils.report import Report
from course_utils.text import shorten

__all__ = [
    "KINDS",
    "USES",
    "Evidence",
    "License",
    "LicenseReport",
    "check_license",
    "known_licenses",
    "license_kind",
]

VERDICTS = {"yes": "yes", "yes-if": "yes, if", "cannot-tell": "cannot tell", "no": "no"}
NOT_ADVICE = "a reading aid, not legal advice"


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
    if not (listed := each_once(listed)):
        raise CourseError('The list names no license: give identifiers such as "mit".')
    ruling = either(rule(one, use) for one in listed)
    return LicenseReport(
        subject=shorten(", ".join(str(one).strip() for one in listed)),
        use=use,
        verdict=ruling.verdict,
        kind=ruling.kind,
        reason=ruling.reason,
        conditions=ruling.conditions,
        evidence=tuple(Evidence("identifier", described(one)) for one in listed),
    )


def _check_repo_or_unknown(text: str, use: str) -> LicenseReport:
    """A word that is on no list: a repo of an old, short name, or an identifier nobody knows."""
    try:
        return _check_repo(text, use)
    except CourseError as error:
        asked = isinstance(error, HubTrouble) and error.problem in ("missing", "no repo id")
        says = "no repo of that name either" if asked else f"not asked for a repo: {error}"
    ruling = rule(text, use)
    return LicenseReport(
        text, use, ruling.verdict, ruling.kind, ruling.reason, evidence=(Evidence("Hub", says),)
    )


def _check_repo(repo_id: str, use: str) -> LicenseReport:
    info = model_info(repo_id)
    stated = read_repo(info)
    own, findings = rule_repo(stated, use)
    ruling, evidence = own, list(stated.evidence)
    bases = bases_of(info.id, stated.metadata, stated.card)
    findings += [
        f"Nobody can look up what its card names as base model: {odd}." for odd in bases.odd
    ]
    for ancestor in ancestors(info.id, bases.names):
        ruling, found, says = weigh(ancestor, stated, own, ruling, use)
        findings += found
        place = f"; {bases.places[ancestor.name]}" if ancestor.name in bases.places else ""
        evidence.append(Evidence("base model", says + place))
    if not bases.names and (family := hidden_family(info.id, bases.hints, stated)):
        ruling, found, says = weigh_family(family, own, ruling, use)
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
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _use(use: Any) -> str:
    wanted = use.strip().lower() if isinstance(use, str) else use
    if wanted not in USES:
        raise CourseError(f"{use!r} is no use that is known here. Known are {', '.join(USES)}.")
    return wanted
