"""What a text says, sentence by sentence, about what the model may be used for.

The words are data: ``wording.toml`` holds them by language. All languages are tried on every
sentence, because cards mix them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from course_utils.cards.markdown import folded
from course_utils.licenses.table import read_toml

LONGEST_SENTENCE = 2000  # characters that are looked at
SHORTEST_SENTENCE = 2
LONGEST_AROUND = 300
COMMERCIAL = r"(?<!non-)(?<!non )\bcommercial(ly|i[sz]\w+)?\b"
SENTENCES = re.compile(r"[^.!?。！？;；|\n]+(?:[.!?](?=\S)[^.!?。！？;；|\n]*)*[.!?。！？;；|]*")
CLAUSES = re.compile(
    r"[:，、] ?| - |, (?=(?:and|so|it|you|also|free|freely|fully|open)\b)"
    r"|\b(?:but|however|sondern|aber|mais|pero|sino|mas|porem|ma)\b"
)
NAMES = re.compile(r"\S{0,60}\bnon-?commercial\S{0,60}")
WORDS_OF_USE = re.compile(
    r"non-?commercial(ly)?|use|only|licen[cs]e|purposes?|research|academic|commercial"
)
LIST_MARK = re.compile(r"\s*([-*+•>#|]|\(?\d+[.)])\s+")


@dataclass(frozen=True)
class Statement:
    """A sentence about use. ``says`` is "forbids", "allows", "conditions" or "terms"."""

    says: str
    line: int
    words: str


def statements(first: int, text: str, extra: Iterable[str] = ()) -> Iterator[Statement]:
    """What a paragraph says about use; ``first`` is its first line.

    Forbidding and allowing are looked for everywhere, "conditions" or "terms" where ``extra`` asks
    for them. The words are the sentence with what stands around it on its line or list item, where
    that is not long.
    """
    seen = set()
    for line, sentence, around in _sentences(first, text):
        says = _says(sentence, tuple(extra))
        words = around if len(around) <= LONGEST_AROUND else " ".join(sentence.split())
        if says and (says, words) not in seen:
            seen.add((says, words))
            yield Statement(says, line, words)


def forbids(text: str) -> bool:
    """Whether a short text, such as a label, rules business out."""
    return any(one.says == "forbids" for one in statements(1, text))


def allows(text: str) -> bool:
    """Whether a sentence plainly allows commercial use."""
    return _without_allowances(_pattern("not_only").sub(" ", folded_text(text)))[1]


def forbids_below(heading: str, sentence: str) -> bool:
    """Whether it names commerce below a heading that rules uses out."""
    if not _pattern("rules_out").search(folded_text(heading)):
        return False
    rest, _ = _without_allowances(_pattern("not_only").sub(" ", folded_text(sentence)))
    return bool(_pattern("commerce").search(rest))


def relicenses(sentence: str) -> bool:
    """Whether it sets this license apart from the base model's."""
    return bool(_pattern("relicenses").search(folded_text(sentence)))


def from_scratch(sentence: str) -> bool:
    """Whether it says that there is no base model."""
    return bool(_pattern("from_scratch").search(folded_text(sentence)))


def licenses_the_model(sentence: str) -> bool:
    """Whether it says under which license the model itself is given out."""
    folded = _pattern("in_passing").sub(" ", folded_text(sentence))
    about = _pattern("about_the_model").search(folded)
    return bool(about and _pattern("given_out").search(folded))


def is_about_something_else(sentence: str) -> bool:
    """Whether a sentence speaks of data, code or tools and not of the model."""
    folded = folded_text(sentence)
    folded = _pattern("in_passing").sub(" ", folded)
    return bool(_pattern("about_others").search(folded)) and not _pattern("about_the_model").search(
        folded
    )


def sentences(first: int, text: str) -> Iterator[tuple[int, str, str]]:
    """Sentences of a paragraph: the line that each begins on, the sentence, what is around it."""
    yield from _sentences(first, text)


def _says(sentence: str, extra: tuple[str, ...]) -> str:
    folded = folded_text(sentence[:LONGEST_SENTENCE])
    folded = _pattern("not_only").sub(" ", _pattern("side_glance").sub(" ", folded))
    rest, allowed = _without_allowances(folded)
    if _pattern("forbids").search(rest):
        return "" if is_about_something_else(sentence) else "forbids"
    for kind in extra:
        if _pattern(kind).search(folded):
            return kind
    return "allows" if allowed else ""


def _without_allowances(folded: str) -> tuple[str, bool]:
    """The sentence without what it plainly allows, and whether there was any of that."""
    negation, allowed = _pattern("negations"), False
    for kind in ("allows_both", "allows"):
        rest, at = "", 0
        seen = folded
        if kind == "allows":
            seen = _pattern("non_commercial").sub(lambda found: "\0" * len(found[0]), folded)
        for found in _pattern(kind).finditer(seen):
            inside = "" if kind == "allows_both" else found[0]
            if negation.search(_clause_before(seen[: found.start()]) + inside):
                continue
            rest, at, allowed = rest + folded[at : found.start()] + " ", found.end(), True
        folded = rest + folded[at:]
    return folded, allowed


def _clause_before(text: str) -> str:
    """What stands before a place in the same clause."""
    return CLAUSES.split(text)[-1]


def _sentences(first: int, text: str) -> Iterator[tuple[int, str, str]]:
    """Each sentence with its line and the line or list item around it; wrapped lines are joined."""
    lines = text.split("\n")
    joined, starts = "", []
    for number, line in enumerate(lines):
        separate = bool(LIST_MARK.match(line)) or not line.strip()
        joined += ("\n" if separate else " ") if number else ""
        starts.append(len(joined))
        joined += line
    at = begin = 0
    for item in joined.split("\n"):
        around = " ".join(item.split())
        for found in SENTENCES.finditer(item):
            sentence = found[0].strip()[:LONGEST_SENTENCE]
            if len(sentence) < SHORTEST_SENTENCE:
                continue
            place = begin + found.start() + len(found[0]) - len(found[0].lstrip())
            while at + 1 < len(starts) and starts[at + 1] <= place:
                at += 1
            mark = LIST_MARK.match(sentence)
            yield first + at, sentence[mark.end() :] if mark else sentence, around
        begin += len(item) + 1


def folded_text(text: str) -> str:
    """A sentence as the patterns read it: without case, accents, emphasis and models' names."""
    return re.sub(r"[*~]+", "", NAMES.sub(_without_names, folded(text)))


def _without_names(found: re.Match[str]) -> str:
    """Blanks for a model's name that holds such a word: ``acme/noncommercial-chat``."""
    rest = WORDS_OF_USE.sub("", found[0])
    return " " if re.search(r"[^\W\d_]{2}.*[-_]|[-_].*[^\W\d_]{2}|\d", rest) else found[0]


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    by_language = read_toml("wording.toml")[kind]
    patterns = [pattern for listed in by_language.values() for pattern in listed]
    joined = "|".join(f"(?:{pattern.replace('COM', COMMERCIAL)})" for pattern in patterns)
    return re.compile(joined)
