"""The table of failures, and which of its rows speaks of a trace.

The rows are data, in ``failures.toml``. That file says how a clause matches and which row wins.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from course_utils.explain.trace import Link, Trace
from course_utils.text import shorten

TABLE = Path(__file__).parent / "failures.toml"
LEVELS = ("exact", "general", "wrapper")
QUOTED = 160  # characters of a line that is shown as evidence


@dataclass(frozen=True)
class Clause:
    """What has to hold of a trace, all of it: see the head of ``failures.toml``."""

    type: tuple[str, ...] = ()
    says: re.Pattern[str] | None = None
    also: tuple[re.Pattern[str], ...] = ()
    unless: re.Pattern[str] | None = None
    frame: re.Pattern[str] | None = None

    @property
    def conditions(self) -> int:
        named = (self.type, self.says, self.unless, self.frame)
        return sum(bool(one) for one in named) + len(self.also)


@dataclass(frozen=True)
class Failure:
    """A row of the table."""

    name: str
    what: str
    why: tuple[str, ...]
    do: tuple[str, ...]
    lesson: str
    when: tuple[Clause, ...]
    level: str = "exact"


@dataclass(frozen=True)
class Match:
    """A row that speaks of a trace, the lines that told so, and the facts that it found there."""

    failure: Failure
    rank: tuple[int, int, int]
    evidence: tuple[str, ...]
    facts: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """``facts`` maps a name to the patterns that find it, tried in their order."""

    failures: tuple[Failure, ...]
    facts: Mapping[str, tuple[re.Pattern[str], ...]]

    def best(self, trace: Trace) -> Match | None:
        """The row that speaks of this trace most closely; None where none does."""
        matches = [match for failure in self.failures for match in self._matches(failure, trace)]
        if not matches:
            return None
        best = max(matches, key=lambda match: match.rank)  # the first of equals
        return Match(best.failure, best.rank, best.evidence, {**self._facts(trace), **best.facts})

    def _matches(self, failure: Failure, trace: Trace) -> Iterator[Match]:
        level = -LEVELS.index(failure.level)
        for clause in failure.when:
            for depth, link in reversed(list(enumerate(trace.links))):
                evidence = _holds(clause, link, trace)
                if evidence is not None:
                    rank = (level, clause.conditions, depth)
                    facts = _named(clause.says, link.message)
                    yield Match(failure, rank, tuple(dict.fromkeys(evidence)), facts)
                    break

    def _facts(self, trace: Trace) -> dict[str, str]:
        text = trace.messages
        found = {
            name: next((hit[1] for pattern in patterns if (hit := pattern.search(text))), "")
            for name, patterns in self.facts.items()
        }
        return {name: value for name, value in found.items() if value}


def _holds(clause: Clause, link: Link, trace: Trace) -> list[str] | None:
    """The lines of the trace that make the clause true; None if it is not."""
    evidence = []
    if clause.type:
        if not set(clause.type) & set(link.types):
            return None
        evidence.append(_quote(str(link), 0))
    if clause.says:
        found = clause.says.search(link.message)
        if found is None:
            return None
        evidence.append(_quote(str(link), found.start() + len(str(link)) - len(link.message)))
    for pattern in clause.also:
        found = pattern.search(trace.messages)
        if found is None:
            return None
        evidence.append(_quote(trace.messages, found.start()))
    if clause.unless and clause.unless.search(trace.messages):
        return None
    if clause.frame:
        frame = next((one for one in trace.frames if clause.frame.search(str(one))), None)
        if frame is None:
            return None
        evidence.append(_quote(frame.shown(), 0))
    return evidence


def _quote(text: str, at: int) -> str:
    """The line of the text in which this letter stands; of a long one the words around it."""
    start = text.rfind("\n", 0, at + 1) + 1
    end = text.find("\n", at + 1)
    line = text[start : end if end >= 0 else len(text)]
    if at - start > QUOTED // 2:
        line = "…" + line[at - start - QUOTED // 4 :]
    return shorten(line, QUOTED)


def _named(pattern: re.Pattern[str] | None, message: str) -> dict[str, str]:
    found = pattern.search(message) if pattern else None
    return {name: value for name, value in found.groupdict().items() if value} if found else {}


# -- reading the file --------------------------------------------------------------------------


@cache
def failures() -> Table:
    return read(TABLE)


def read(path: Path) -> Table:
    """
    Raises:
        ValueError: a row names what no row has, or nothing to match.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return Table(
        failures=tuple(_failure(row) for row in content["failures"]),
        facts={name: tuple(map(_pattern, found)) for name, found in content["facts"].items()},
    )


def _failure(row: dict[str, Any]) -> Failure:
    lists = {name: tuple(row[name]) for name in ("why", "do")}
    failure = Failure(**{**row, **lists, "when": tuple(map(_clause, row["when"]))})
    if failure.level not in LEVELS:
        raise ValueError(f"{failure.name}: level is {failure.level!r}, expected one of {LEVELS}")
    if not failure.when or any(not clause.type and not clause.says for clause in failure.when):
        raise ValueError(f"{failure.name}: each clause needs a type or a pattern in says")
    return failure


def _clause(row: dict[str, Any]) -> Clause:
    kinds = row.get("type", ())
    read: dict[str, Any] = {
        "type": (kinds,) if isinstance(kinds, str) else tuple(kinds),
        "also": tuple(map(_pattern, row.get("also", ()))),
    }
    for name in ("says", "unless", "frame"):
        if name in row:
            read[name] = _pattern(row[name])
    return Clause(**{**row, **read})


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace(" ", r"(?:\s+)"), re.IGNORECASE | re.DOTALL | re.MULTILINE)
