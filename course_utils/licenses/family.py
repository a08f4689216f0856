"""Whom a model comes from, as a tree: each with what its own license says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from course_utils.licenses.evidence import Evidence
from course_utils.report import Branch

MADE, SEEMS = "made from", "seems made from"
ALONE = {"yes": "yes", "yes-if": "yes, if", "cannot-tell": "cannot tell", "no": "no"}


@dataclass(frozen=True)
class Relative:
    """A model of the lineage, or the family that a name points to.

    ``child`` is who names it, "" for the model that was asked about. ``says`` is its own license,
    and ``verdict`` what that allows by itself. ``evidence`` is where all that was read.
    """

    name: str
    child: str
    says: str
    verdict: str
    is_guessed: bool = False
    evidence: Evidence | None = None


def tree_of(family: Iterable[Relative]) -> Branch | None:
    """The model that was asked about at the root, and what each was made from below it."""
    family = tuple(family)
    return _branch(family[0], family) if family else None


def _branch(relative: Relative, family: tuple[Relative, ...]) -> Branch:
    link = SEEMS if relative.is_guessed else MADE
    return Branch(
        relative.name,
        f"{relative.says}{'' if relative.child else ' by itself'} → {ALONE[relative.verdict]}",
        relative.verdict,
        link if relative.child else "",
        relative.is_guessed,
        tuple(
            _branch(one, family)
            for one in family
            if one.child.casefold() == relative.name.casefold()
        ),
    )
