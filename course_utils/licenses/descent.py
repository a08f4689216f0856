"""What the licenses of base models add: a model cannot give away what its base model did not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from course_utils.cards.lineage import Ancestor
from course_utils.errors import HubTrouble
from course_utils.licenses.evidence import Stated, read_repo
from course_utils.licenses.table import License, find_license, read_toml
from course_utils.licenses.verdict import BEST_FIRST, Ruling, rule_license, rule_repo, worse
from course_utils.text import shorten


@dataclass(frozen=True)
class Weighed:
    """What one base model adds.

    ``ruling`` is the verdict on the repo with it taken into account; ``says`` what its own license
    is; ``verdict`` what that allows by itself.
    """

    ruling: Ruling
    findings: list[str]
    says: str
    verdict: str = "cannot-tell"


@dataclass(frozen=True)
class Family:
    """Models of one maker under one license, told by their name. ``seen_in`` is where it stands."""

    name: str
    license: License
    seen_in: str


def weigh(ancestor: Ancestor, stated: Stated, own: Ruling, so_far: Ruling, use: str) -> Weighed:
    """The verdict with one base model's license taken into account; findings; evidence."""
    name = ancestor.name
    owner = name.split("/")[0]
    same_owner = owner.casefold() == ancestor.child.split("/")[0].casefold()
    if ancestor.info is None:
        finding = f"The license of its base model {name} is not known: {ancestor.problem}."
        if same_owner and ancestor.is_repo_id:
            return Weighed(so_far, [finding], ancestor.problem)
        unseen = Ruling("cannot-tell", "unknown", finding)
        return Weighed(worse(so_far, unseen), [finding], ancestor.problem)
    try:
        theirs_stated = read_repo(ancestor.info)
    except HubTrouble as trouble:
        finding = f"The license of its base model {name} is not known: {trouble}"
        unseen = Ruling("cannot-tell", "unknown", finding)
        return Weighed(worse(so_far, unseen), [finding], trouble.problem)
    theirs, odd = rule_repo(theirs_stated, use)
    tags = _tags_of(theirs_stated)
    says = in_short(theirs_stated, theirs)
    restricts = [f"The base model {name}: {words}" for words in odd if _restricts(words)]
    if theirs.kind == "unknown":
        finding = f"The license of its base model {name} does not say what it allows ({tags})."
        if same_owner:
            return Weighed(so_far, [finding, *restricts], says)
        unknown = Ruling("cannot-tell", "unknown", finding)
        return Weighed(worse(so_far, unknown), [finding, *restricts], says)
    adds = set(theirs.conditions) - set(own.conditions)
    stricter = BEST_FIRST.index(theirs.verdict) > BEST_FIRST.index(own.verdict)
    if (theirs.kind == "permissive" and theirs.verdict == "yes") or not (adds or stricter):
        return Weighed(worse(so_far, theirs), restricts, says, theirs.verdict)
    finding = (
        f"Its base model {name} is under {shorten(tags)} ({theirs.kind}), which asks for more "
        "than the tag of this repo. "
    )
    if same_owner and ancestor.is_repo_id:
        return _weigh_own_base(name, owner, finding, theirs, stated, so_far, restricts, says)
    finding += "A finetune cannot give away what its base model did not."
    theirs = replace(theirs, reason=f"The base model {name} decides. {theirs.reason}")
    return Weighed(worse(so_far, theirs), [finding, *restricts], says, theirs.verdict)


def in_short(stated: Stated, ruling: Ruling) -> str:
    """ "other, qwen-research (non-commercial)": what a repo states as its license, and the kind."""
    return f"{shorten(_tags_of(stated))} ({ruling.kind})"


def _tags_of(stated: Stated) -> str:
    tags = ", ".join(str(tag) for tag in stated.tags) or "no license tag"
    if stated.license_name and not stated.telling_tags:
        tags += f", {stated.license_name}"
    return tags


def _weigh_own_base(
    name: str,
    owner: str,
    finding: str,
    theirs: Ruling,
    stated: Stated,
    so_far: Ruling,
    restricts: list[str],
    says: str,
) -> Weighed:
    """A base model of the same owner, who may give the same work out under another license."""
    if not stated.relicenses:
        finding += (
            f"Both are by {owner}, who may set another license on its own work; but its card does "
            "not say that this was meant."
        )
        theirs = replace(theirs, reason=f"The base model {name} decides. {theirs.reason}")
        return Weighed(worse(so_far, theirs), [finding, *restricts], says, theirs.verdict)
    finding += (
        f"Both are by {owner}, who may set another license on its own work, and its card says so: "
        f"{stated.relicenses}"
    )
    condition = (
        f"{owner} holds the rights in the base model {name} too. Keep a copy of what its card "
        f"says ({stated.relicenses}), which is what your rights rest on."
    )
    kept = worse(so_far, Ruling("yes-if", so_far.kind, "", (condition,)))
    return Weighed(kept, [finding], says, theirs.verdict)


def _restricts(finding: str) -> bool:
    return "limits the use" in finding or " adds to " in finding or ", line " in finding


# --- Families that only a name gives away --------------------------------------------------------


def hidden_family(repo_id: str, hints: Iterable[tuple[str, str]], stated: Stated) -> Family | None:
    """A family of models that the repo's name, the card's title or its prose name as its base.

    ``hints`` are pieces of text with the place where they stand. None where the repo belongs to the
    family's maker, or is under that family's license anyway.
    """
    owner, _, name = repo_id.rpartition("/")
    named = {row.id for tag in stated.tags for row in stated.licenses_of(tag)}
    for text, place in [*hints, (name, f"its name, {name}")]:
        for family in _families():
            found = family.pattern.search(text)
            if found is None:
                continue
            row = find_license(family.license)
            if row is None or owner.casefold() in family.makers or row.id in named:
                return None
            return Family(found[0].strip(" -_"), row, place)
    return None


def weigh_family(family: Family, own: Ruling, so_far: Ruling, use: str) -> Weighed:
    """The verdict with the license of a family taken into account; findings; evidence."""
    theirs = rule_license(family.license, use)
    says = f"{family.license.id} ({theirs.kind}), by {family.seen_in}"
    adds = set(theirs.conditions) - set(own.conditions)
    stricter = BEST_FIRST.index(theirs.verdict) > BEST_FIRST.index(own.verdict)
    if theirs.kind == "permissive" or not (adds or stricter):
        return Weighed(so_far, [], says, theirs.verdict)
    finding = (
        f"It seems to be made from {family.name} ({family.seen_in}), which is under "
        f"{family.license.id} ({theirs.kind}), and names no base model: ask its author."
    )
    theirs = replace(
        theirs, reason=f"{family.name}, which it seems made from, decides. {theirs.reason}"
    )
    return Weighed(worse(so_far, theirs), [finding], says, theirs.verdict)


@dataclass(frozen=True)
class _FamilyName:
    pattern: re.Pattern[str]
    license: str
    makers: frozenset[str]


@cache
def _families() -> tuple[_FamilyName, ...]:
    return tuple(
        _FamilyName(
            re.compile(rf"(?<![a-z]){row['name']}(?![a-z])", re.IGNORECASE),
            row["license"],
            frozenset(row["makers"]),
        )
        for row in read_toml("families.toml")["families"]
    )
