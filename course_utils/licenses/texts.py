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
MADE_FROM_SHARE = 1 / 3  # the same, of a text that says what it was made from
CLAUSE = 40  # words: added to the bare head of a known text, so few are still an addition
BRIDGE = 2  # words of the known text between added ones, which are read together
LONGEST_ASIDE = 300  # characters of a line that names the license or its owner
WORD = re.compile(r"(?:[^\W_]|\+)+")
MARK = re.compile(r"[.!?)\]\"'”]+")
NAMES_ONLY = re.compile(
    r"([^.]{0,40}\blicen[cs]e\b[^.]{0,20})?(copyright|\(c\)|©|[^.]{0,60}\binc\b).{0,80}"
    r"|[^.]{0,60}\blicen[cs]e\b[^.]{0,10}",
    re.IGNORECASE | re.DOTALL,
)
MADE_FROM = re.compile(
    r"(?<!portions )(?<!portions are )(?<!parts are )\b(made|based|derived|adapted|taken|built)\b"
    r"[^.]{0,20}\b(on|from|upon)\b[^.]{0,30}\b(apache|mit|bsd|gpl|gnu)\b"
    r"|\b(variant|version|modification) of the (apache|mit|bsd)|\bnot the (apache|mit|bsd)\b",
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
    words = list(_placed_words(text))
    runs = _runs([word.text for word in words])
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
    if max(shares[name] for name in whole) < WHOLE and _is_its_own(text, foreign):
        return Reading(())
    licenses = tuple(row for name in whole if (row := find_license(name)))
    return Reading(licenses, tuple(_pieces(text, words, foreign)), _left_out(whole, runs), True)


def _is_its_own(text: str, foreign: list[bool]) -> bool:
    """Whether a text that begins like a known one, and does not have all of it, is another one."""
    if MADE_FROM.search(text):
        return sum(foreign) > MADE_FROM_SHARE * len(foreign)
    return sum(foreign) > max(CLAUSE, FOREIGN * len(foreign))


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


@dataclass(frozen=True)
class _Word:
    text: str
    begin: int
    end: int


def _placed_words(text: str) -> Iterator[_Word]:
    """Each word with its place; lines that stand beside a license are left out."""
    for line in re.finditer(r"[^\r\n]+", text):
        if len(line[0]) > LONGEST_ASIDE or not BESIDE_THE_TEXT.fullmatch(line[0]):
            yield from (
                _Word(word[0].casefold(), line.start() + word.start(), line.start() + word.end())
                for word in WORD.finditer(line[0])
            )


def _foreign(words: list[_Word], known: frozenset[tuple[str, ...]]) -> list[bool]:
    """For each word, whether no run of words around it is in the known texts."""
    foreign = [True] * len(words)
    for at in range(len(words) - RUN + 1):
        if tuple(word.text for word in words[at : at + RUN]) in known:
            foreign[at : at + RUN] = [False] * RUN
    return foreign


def _pieces(text: str, words: list[_Word], foreign: list[bool]) -> Iterator[Piece]:
    """What the added words say: those that follow each other, with the mark behind them."""
    at = 0
    while at < len(words):
        if not foreign[at]:
            at += 1
            continue
        last = at
        while last + 1 < len(words) and any(foreign[last + 1 : last + 2 + BRIDGE]):
            last += 1
        while not foreign[last]:
            last -= 1
        begin, end = words[at].begin, words[last].end
        said = text[begin:end] + (found[0] if (found := MARK.match(text, end)) else "")
        if len(said) > LONGEST_ASIDE or not NAMES_ONLY.fullmatch(said):
            yield Piece(1 + len(re.findall(r"\r\n?|\n", text[:begin])), said)
        at = last + 1


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
    """The best fit among known texts that are much alike, such as BSD's two clauses and its three;
    the longer one where both fit."""
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
    return f" {' '.join(word[0].casefold() for word in WORD.finditer(text))} "
