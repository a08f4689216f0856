"""The models that a model was made from, as their cards name them: in metadata or in prose."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Any

from course_utils.cards.markdown import (
    COMMENT,
    CardText,
    as_written,
    inline_tokens,
    link_references,
)
from course_utils.errors import HubTrouble
from course_utils.hub.client import SECONDS, card_metadata, model_info
from course_utils.hub.repo_id import ADDRESS, REPO_ID, repo_id_of
from course_utils.text import shorten

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo
    from markdown_it.token import Token

MOST_ANCESTORS = 12
MOST_IN_PROSE = 40  # places in one card that are looked at
LOOK_BACK = 80  # characters before the words
LONGEST_SENTENCE = 600
NAMING_KEYS = ("name", "id", "model", "repo", "repo_id", "model_id", "model_name", "url", "path")
BETWEEN = r"(?:(?![.!?。！？;]\s|[。！？;]).){0,60}?"  # between the words and the name
ID = (
    r"(?P<id>(?<![A-Za-z0-9_./@-])[A-Za-z0-9][A-Za-z0-9_.-]*/"
    r"[A-Za-z0-9_.-]*[A-Za-z0-9](?![A-Za-z0-9_/]|\.[A-Za-z0-9_]))"
)
AND_ANOTHER = re.compile(rf"[\s`*_)(]*(?:,|and|&|\+|und|et|y|e|和|と)[\s`*_(]*(?:and )?{ID}")
BOUNDS = (". ", "。", "! ", "\n\n", "\n- ", "\n* ", "\n| ")
LOOKS_LIKE_A_NAME = re.compile(r"[A-Z0-9-]")
FENCE = re.compile(r"^[ \t]*(```|~~~).*?(^[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
NO_REPOS = re.compile(
    r"(github|gitlab|arxiv|datasets|spaces|models|checkpoints?|https?|www|docs|scripts?|src|and|or)/"
    r"|.*\.(py|json|md|txt|sh|gguf|safetensors|bin|pt|git)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Ancestor:
    """A base model, or a base model of a base model. ``child`` is the model whose card names it.

    ``info`` is what the Hub tells about it. Where that is nothing it is None, and ``problem`` says
    why.
    """

    name: str
    child: str
    info: ModelInfo | None
    problem: str = ""

    @property
    def is_repo_id(self) -> bool:
        return REPO_ID.fullmatch(self.name) is not None


@dataclass(frozen=True)
class Bases:
    """What a card says about the models that its own model was made from.

    ``names`` are repo ids, or whatever the card gives in their place. ``places`` tells where those
    stand that were found in prose. ``odd`` are entries of the metadata that name no model.
    ``hints`` are pieces of the title and of prose that may name a base model without its repo id,
    each with its place.
    """

    names: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    odd: tuple[str, ...] = ()
    hints: tuple[tuple[str, str], ...] = ()


def bases_of(repo_id: str, metadata: Mapping[str, Any], card: CardText) -> Bases:
    """The base models of the metadata; where these name none, of the card's prose."""
    names, odd = _in_metadata(metadata)
    if names:
        return Bases(names, {}, odd)
    found: dict[str, str] = {}
    hints = []
    for name, words, line in islice(_in_prose(card), MOST_IN_PROSE):
        if name is None:
            hints.append((words, f"line {line}: {shorten(words)}"))
        elif name.casefold() != repo_id.casefold():
            found.setdefault(name, f"line {line}: {shorten(words)}")
    title = next((one for one in card.passages if 1 <= one.level <= 2), None)
    if title is not None:
        hints.append((title.heading, f"its title, line {title.first}"))
    return Bases(tuple(found), found, odd, tuple(hints))


def base_models(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """The base models that a card's metadata name, addresses shortened to repo ids."""
    return _in_metadata(metadata)[0]


def ancestors(
    repo_id: str, names: Iterable[str], seconds: float = 2 * SECONDS
) -> Iterator[Ancestor]:
    """Follow the base models upwards, parents first. Each comes once, even in a loop.

    At most ``MOST_ANCESTORS`` are asked about, and for ``seconds`` in all.
    """
    ends = time.monotonic() + seconds
    waiting = [(name, repo_id) for name in names]
    seen = {repo_id.casefold()}
    while waiting:
        name, child = waiting.pop(0)
        if name.casefold() in seen:
            continue
        seen.add(name.casefold())
        left = ends - time.monotonic()
        if len(seen) > MOST_ANCESTORS + 1 or left <= 0:
            yield Ancestor(name, child, None, "the lineage is too long to be followed here")
            continue
        found = _look_up(name, child, min(SECONDS, left))
        yield found
        metadata = card_metadata(found.info.card_data if found.info else None)
        waiting += [(above, name) for above in base_models(metadata)]


def _look_up(name: str, child: str, seconds: float) -> Ancestor:
    if not REPO_ID.fullmatch(name):
        return Ancestor(name, child, None, "that is no repo id, so nobody can look it up")
    try:
        return Ancestor(name, child, model_info(name, seconds))
    except HubTrouble as trouble:
        words = {"missing": "the Hub does not show it: gone, renamed or private"}
        reason = words.get(trouble.problem) or str(trouble).removeprefix(f"{name}: ")
        return Ancestor(name, child, None, reason)


# --- Metadata ------------------------------------------------------------------------------------


def _in_metadata(metadata: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names, and the entries in which no name was recognized."""
    names: list[str] = []
    odd: list[str] = []
    named = metadata.get("base_model")
    for entry in named if isinstance(named, list) else [named]:
        if entry is None or entry == "":
            continue
        name = _name_of(entry)
        if name:
            names.append(repo_id_of(name))
        elif not isinstance(entry, str):
            odd.append(shorten(str(entry)))
    return tuple(dict.fromkeys(names)), tuple(odd)


def _name_of(entry: Any) -> str:
    """The name in one entry: text, or a mapping that holds it under one of the usual keys."""
    if isinstance(entry, str):
        return entry.strip()
    if not isinstance(entry, dict):
        return ""
    for key in NAMING_KEYS:
        if isinstance(entry.get(key), str) and entry[key].strip():
            return str(entry[key]).strip()
    keys = [key for key in entry if isinstance(key, str) and "/" in key]
    return keys[0] if keys else ""


# --- Prose ---------------------------------------------------------------------------------------


def _in_prose(card: CardText) -> Iterator[tuple[str | None, str, int]]:
    """For each place: the name (None where no repo id follows), its sentence, its line."""
    for line, paragraph in _paragraphs(card):
        for found in _before().finditer(paragraph):
            if _never().search(paragraph[max(0, found.start() - LOOK_BACK) : found.start()]):
                continue
            at = line + paragraph.count("\n", 0, found.start())
            words = _sentence(paragraph, found.start())
            if not found["id"]:
                yield None, paragraph[found.start() : found.end() + 60], at
                continue
            yield from ((name, words, at) for name in _with_others(found, paragraph))
        for found in _after().finditer(paragraph):
            at = line + paragraph.count("\n", 0, found.start())
            if _is_repo(found["id"]):
                yield found["id"], _sentence(paragraph, found.start()), at


def _with_others(found: re.Match[str], paragraph: str) -> Iterator[str]:
    """The repo id found, and those that follow it after a comma or an "and"."""
    if not _is_repo(found["id"]):
        return
    yield found["id"]
    at = found.end()
    while another := AND_ANOTHER.match(paragraph, at):
        if not _is_repo(another["id"]):
            return
        yield another["id"]
        at = another.end()


def _is_repo(name: str) -> bool:
    owner, _, rest = name.partition("/")
    if NO_REPOS.match(name) or not REPO_ID.fullmatch(name):
        return False
    return bool(LOOKS_LIKE_A_NAME.search(rest) or LOOKS_LIKE_A_NAME.search(owner))


def _paragraphs(card: CardText) -> Iterator[tuple[int, str]]:
    """The card's paragraphs with their first lines; links stand as the repo ids they lead to."""
    body = COMMENT.sub(_only_line_breaks, card.body)
    body = FENCE.sub(_only_line_breaks, body)
    line, references = card.body_line, link_references(body)
    for paragraph in re.split(r"(\n[ \t]*\n)", body):
        if paragraph.strip():
            leading = len(paragraph) - len(paragraph.lstrip("\n"))
            yield line + leading, _linked(inline_tokens(paragraph.lstrip("\n"), references))
        line += paragraph.count("\n")


def _only_line_breaks(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def _linked(tokens: Iterable[Token]) -> str:
    """Inline Markdown as it was written, but for links: a repo id, or else the link's words."""
    written: list[str] = []
    leads_to_a_repo = False
    for token in tokens:
        match token.type:
            case "link_open":
                address = str(token.attrGet("href"))
                leads_to_a_repo = ADDRESS.match(address) is not None
                if leads_to_a_repo:
                    written.append(repo_id_of(address))
            case "link_close":
                leads_to_a_repo = False
            case _ if not leads_to_a_repo:
                written.append(as_written(token))
    return "".join(written)


def _sentence(paragraph: str, at: int) -> str:
    """The sentence, or the item of a list, in which a place lies."""
    window = max(0, at - LONGEST_SENTENCE)
    paragraph, at = paragraph[window : at + LONGEST_SENTENCE], at - window
    begins = [paragraph.rfind(mark, 0, at) + len(mark) for mark in BOUNDS if mark in paragraph[:at]]
    ends = [end for mark in BOUNDS if (end := paragraph.find(mark, at)) >= 0]
    return " ".join(paragraph[max(begins, default=0) : min(ends, default=len(paragraph))].split())


@cache
def _before() -> re.Pattern[str]:
    words = "|".join(f"(?:{pattern})" for pattern in _table()["before"])
    return re.compile(rf"(?:{words})\W{{0,12}}(?:{BETWEEN}{ID})?", re.IGNORECASE)


@cache
def _after() -> re.Pattern[str]:
    words = "|".join(f"(?:{pattern})" for pattern in _table()["after"])
    return re.compile(rf"{ID}[^。、\n]{{0,12}}?(?:{words})", re.IGNORECASE)


@cache
def _never() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in _table()["never"]), re.IGNORECASE)


@cache
def _table() -> dict[str, Any]:
    table = resources.files(__package__) / "lineage.toml"
    return tomllib.loads(table.read_text(encoding="utf-8"))
