"""The languages that a card names: in its metadata, in its tags, under a heading or in prose."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Any

from course_utils.cards.markdown import CardText

# Codes that as a tag mean something else: machine learning, input and output, …
NOT_AS_TAGS = ("am", "as", "ai", "cv", "io", "is", "ml", "no", "or", "pi", "so", "to")
COLUMN = re.compile(r"languages?|sprachen?|langues?|idiomas?|lingu[ae]|语言|言語", re.IGNORECASE)
SPEAKS_OF_LANGUAGES = re.compile(
    r"\b(languages?|multilingual|bilingual|monolingual|speaks?|sprachen?|langues?|idiomas?)\b|语言|言語",
    re.IGNORECASE,
)


def languages_of(card: CardText, about: str) -> tuple[str, ...]:
    """Codes or names; ``about`` is what the card says that the model does.

    Metadata first, then tags, then what stands under a heading or label, then prose and tables.
    """
    return (
        _in_metadata(card)
        or _in_tags(card.metadata.get("tags"))
        or _under_heading(card)
        or tuple(dict.fromkeys(_in_text(card, about)))
    )


def _in_metadata(card: CardText) -> tuple[str, ...]:
    named = card.metadata.get("language", card.metadata.get("languages"))
    listed = named if isinstance(named, list) else [named]
    # YAML reads the code of Norwegian, no, as false.
    words = ["no" if one is False else word(one) for one in listed]
    return tuple(dict.fromkeys(word for word in words if word))


def _in_tags(tags: Any) -> tuple[str, ...]:
    listed = [str(tag).casefold() for tag in tags] if isinstance(tags, list) else []
    return tuple(dict.fromkeys(tag for tag in listed if tag in _names() and tag not in NOT_AS_TAGS))


def _under_heading(card: CardText) -> tuple[str, ...]:
    for passage in card.about("languages"):
        return (" ".join(passage.text.split()),)
    return ()


def _in_text(card: CardText, about: str) -> Iterator[str]:
    yield from _named_in(about)
    for passage in card.passages:
        rows = [block for block in passage.blocks if " | " in block.text]
        yield from _in_column([block.text.split(" | ") for block in rows])
        for block in passage.blocks:
            if block.form != "code" and SPEAKS_OF_LANGUAGES.search(block.text):
                yield from (
                    name
                    for sentence in re.split(r"(?<=[.!?。])\s*", block.text)
                    if SPEAKS_OF_LANGUAGES.search(sentence)
                    for name in _named_in(sentence)
                )


def _in_column(rows: list[list[str]]) -> Iterator[str]:
    for place, title in enumerate(rows[0] if rows else ()):
        if COLUMN.fullmatch(title.strip()):
            for row in rows[1:]:
                yield from _named_in(row[place] if place < len(row) else "")


def _named_in(text: str) -> Iterator[str]:
    yield from (_codes()[found[0].casefold()] for found in _pattern().finditer(text))


def word(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int, float)) and str(value).strip() else None


@cache
def _names() -> dict[str, list[str]]:
    table = resources.files(__package__) / "languages.toml"
    return tomllib.loads(table.read_text(encoding="utf-8"))


@cache
def _codes() -> dict[str, str]:
    return {name.casefold(): code for code, names in _names().items() for name in names}


@cache
def _pattern() -> re.Pattern[str]:
    def spelled(names: Iterable[str]) -> str:
        return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))

    asian = [name for name in _codes() if not name.isascii() and len(name) <= 4]
    others = [name for name in _codes() if name not in asian]
    return re.compile(rf"\b(?:{spelled(others)})\b|(?:{spelled(asian)})", re.IGNORECASE)
