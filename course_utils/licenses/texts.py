"""Which license a license file is, and what it says beyond that license's own text.

The known texts lie in ``texts/``. A file is compared with them by runs of ``RUN`` words: what no
known text has in common with the file was added to it; what the known text has and the file has
not was left out. Licenses without a text here are told by phrases at their beginning
(``texts.toml``) or by their title.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from course_utils.licenses.table import License, find_license, known_licenses, read_toml

HEAD = 3000  # characters of a license file in which it says what it is
RUN = 5  # words
ALIKE = 0.6  # share of the shorter of two known texts that the other has, too
WHOLE = 0.8  # share of a known text that a file has, to be that license in full
FOREIGN = 2 / 3  # share of a file's words, from which on it is a text of its own
CLAUSE = 40  # words: added to the bare head of a known text, so few are still an addition
MADE_FROM = re.compile(
    r"\b(made|based|derived|adapted|taken|built)( in part)?( up)?(on|from| on| from)\b"
    r"|\b(variant|version|modification) of the\b|\bnot the (apache|mit|bsd)\b",
    re.IGNORECASE,
)
GRANTS = {"sell", "sublicense", "distribute", "publish", "commercial"}
# Lines that every copy may have: they add nothing to the license.
BESIDE_THE_TEXT = re.compile(
    r"\W*(copyright\b.*|\(c\) .*|©.*|all rights reserved.*|spdx-license-identifier.*|https?://\S+"
    r"|(the )?[\w.+-]+( \d-clause)?( \"?\w+\"?)? licen[cs]e(,? v(ersion)? ?[\d.]+)?"
    r"( \([\w. -]+\))?)\W*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Piece:
    """Consecutive lines of a text; they count from 1."""

    first: int
    text: str


@dataclass(frozen=True)
class Reading:
    """What a license file is. ``licenses`` is empty for a text of its own.

    ``added`` is what it says beyond them, and ``left_out`` what of their rights is missing. Where
    no text of the license is known here, ``compared`` is False and both are empty.
    """

    licenses: tuple[License, ...]
    added: tuple[Piece, ...] = ()
    left_out: tuple[str, ...] = ()
    compared: bool = False


def read_license_text(text: str) -> Reading:
    """Compare a license file with the known texts."""
    words = list(_numbered_words(text))
    runs = _runs([word for word, _ in words])
    shares = {name: len(known & runs) / len(known) for name, known in _known_runs().items()}
    whole = _best_of_likes({name: share for name, share in shares.items() if share >= WHOLE})
    if not whole:
        row = recognize(text)
        if row is None:
            return Reading(())
        if row.id not in _known_runs():
            return Reading((row,))
        whole = [row.id]
    known = frozenset[tuple[str, ...]]().union(*(_known_runs()[name] for name in whole))
    foreign = _foreign(words, known)
    if max(shares[name] for name in whole) < WHOLE and sum(foreign) > FOREIGN * len(words):
        only_a_clause = sum(foreign) <= CLAUSE and not MADE_FROM.search(text)
        if not only_a_clause:
            return Reading(())
    licenses = tuple(row for name in whole if (row := find_license(name)))
    return Reading(licenses, tuple(_pieces(text, words, foreign)), _left_out(whole, runs), True)


def recognize(text: str) -> License | None:
    """The license whose text this is, told from its first ``HEAD`` characters; None if unsure."""
    head = _words(text[: 2 * HEAD])[:HEAD]
    fitting = {}
    for identifier, phrases in read_toml("texts.toml").items():
        found = [re.search(f" {phrase} ", head) for phrase in phrases]
        if found and found[0] and all(found):
            fitting[identifier] = found[0].start()
    if fitting:
        return find_license(min(fitting, key=fitting.__getitem__))
    names = {_words(row.name): row for row in known_licenses().values()}
    titles = [name for name in names if len(name) > 15 and name in head]
    return names[max(titles, key=len)] if titles else None


@cache
def _known_runs() -> dict[str, frozenset[tuple[str, ...]]]:
    folder = resources.files(__package__) / "texts"
    return {
        file.name.removesuffix(".txt"): _runs(_words(file.read_text(encoding="utf-8")).split())
        for file in folder.iterdir()
        if file.name.endswith(".txt")
    }


def _runs(words: list[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))


def _numbered_words(text: str) -> Iterator[tuple[str, int]]:
    """Each word with the number of its line; lines that stand beside a license are left out."""
    for number, line in enumerate(re.split(r"\r\n?|\n", text), start=1):
        if not BESIDE_THE_TEXT.fullmatch(line):
            yield from ((word, number) for word in _words(line).split())


def _foreign(words: list[tuple[str, int]], known: frozenset[tuple[str, ...]]) -> list[bool]:
    """Of each word, whether it stands in no run that the known texts have."""
    foreign = [True] * len(words)
    for at in range(len(words) - RUN + 1):
        if tuple(word for word, _ in words[at : at + RUN]) in known:
            foreign[at : at + RUN] = [False] * RUN
    return foreign


def _pieces(text: str, words: list[tuple[str, int]], foreign: list[bool]) -> Iterator[Piece]:
    """The lines that hold at least one added word, those that follow each other together."""
    lines = re.split(r"\r\n?|\n", text)
    numbers = sorted({number for (_, number), added in zip(words, foreign, strict=True) if added})
    while numbers:
        last = 1
        while last < len(numbers) and numbers[last] == numbers[last - 1] + 1:
            last += 1
        group, numbers = numbers[:last], numbers[last:]
        yield Piece(group[0], "\n".join(lines[number - 1] for number in group))


def _left_out(names: Iterable[str], runs: frozenset[tuple[str, ...]]) -> tuple[str, ...]:
    """Rights that the known text grants and the file does not name, where it is not an excerpt."""
    found = []
    for name in names:
        known = _known_runs()[name]
        if len(known & runs) < WHOLE * len(known):
            continue
        missing = {word for run in known - runs for word in run} & GRANTS
        said = {word for run in runs for word in run}
        found += sorted(missing - said)
    return tuple(dict.fromkeys(found))


def _best_of_likes(shares: Mapping[str, float]) -> list[str]:
    """Of known texts that are much alike, such as BSD's two clauses and its three, the one that
    fits best; the longer one where both fit."""
    known = _known_runs()

    def better(name: str) -> tuple[float, int]:
        return round(shares[name], 2), len(known[name])

    def alike(name: str, other: str) -> bool:
        return len(known[name] & known[other]) > ALIKE * min(len(known[name]), len(known[other]))

    return [
        name
        for name in shares
        if not any(alike(name, other) and better(other) > better(name) for other in shares)
    ]


def _words(text: str) -> str:
    words = re.sub(r"[^\w+]+|_", " ", text.casefold()).split()
    return f" {' '.join(words)} "
