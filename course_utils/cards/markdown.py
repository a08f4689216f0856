"""A card taken apart: its metadata, and its text as passages under headings, with line numbers.

Cards are written by people. A heading may be Markdown's, HTML's, a line in bold or a folded
``<summary>``; an answer may stand in a table or after a label in a list. All of them become a
``Passage`` here, so that the rooms above compare one thing only: a heading with words.
"""

from __future__ import annotations

import fnmatch
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from html.parser import HTMLParser
from importlib import resources
from typing import TYPE_CHECKING, Any

from course_utils.hub.client import card_metadata

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LONGEST_METADATA = 500_000
BOLD_LINE, LABEL, LOOSE_LABEL = 7, 8, 9  # levels below Markdown's six; loose ones lack a colon
LONGEST_LABEL = 4  # words before a colon, where they are not in bold
PLACEHOLDER = re.compile(
    r"\W*(more information needed|information needed|to be (added|announced|done|filled)|tbd|todo"
    r"|tba|n/?a|none|coming soon|work in progress|wip|unknown|optional|fill in)?\W*",
    re.IGNORECASE,
)
BOLD = re.compile(r"(\*\*|__)(?P<text>(?:(?!\1).){1,80})\1:?", re.DOTALL)
LABELLED = re.compile(
    r"(?:(\*\*|__)(?P<bold>(?:(?!\1).){1,60})\1[ \t]*:?|(?P<plain>[^\W\d_][^:\n.\[]{0,40}):(?!//))"
    r"[ \t]*(?P<text>.*)",
    re.DOTALL,
)
CALLOUT = re.compile(r"\[!(?P<kind>\w+)\][ \t]*\n?")  # GitHub's, in a blockquote
WARNINGS = ("warning", "caution", "important")
A_SENTENCE = re.compile(r"[.!。！]\W*$|^(?!.*[?？]\W*$)(\S+\s+){8,}")  # and no question
LONGEST_FILLER = 400
COMMENT = re.compile(r"<!--.*?(-->|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A paragraph, row or piece of code. Lines count from 1, both ends included."""

    form: str  # "text", "quote" or "code"
    first: int
    last: int
    text: str


@dataclass(frozen=True)
class Passage:
    """What stands under one heading, up to the next one. ``heading`` is "" before the first."""

    heading: str
    level: int
    first: int
    blocks: tuple[Block, ...]

    @property
    def last(self) -> int:
        return self.blocks[-1].last if self.blocks else self.first

    @property
    def text(self) -> str:
        return "\n".join(block.text for block in self.blocks)

    @property
    def code(self) -> str:
        return "\n".join(block.text for block in self.blocks if block.form == "code")

    @property
    def says_something(self) -> bool:
        return bool(self.blocks)

    def answers(self, topic: str) -> bool:
        """Whether the heading is one of the topic's words; see ``headings.toml``."""
        heading = plain(self.heading)
        if not heading or _words(topic, never=True).fullmatch(heading):
            return False
        return _words(topic).fullmatch(heading) is not None


@dataclass(frozen=True)
class CardText:
    """``problem`` says why the metadata could not be read; "" where it could.

    ``head`` is the block of metadata as it was written, and ``body`` the text after it, which
    begins on line ``body_line`` of the file.
    """

    metadata: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    passages: tuple[Passage, ...] = ()
    head: str = ""
    body: str = ""
    body_line: int = 1

    def about(self, topic: str) -> list[Passage]:
        """Passages under the topic's words that say something: headings first, then labels.

        A heading with only deeper headings under it stands for everything that they say. It comes
        after the other headings.
        """
        said: list[Passage] = []
        gathered: list[Passage] = []
        labelled: list[Passage] = []
        for place, passage in enumerate(self.passages):
            if not passage.answers(topic):
                continue
            if passage.level >= LABEL:
                labelled.append(passage)
            elif passage.says_something:
                said.append(passage)
            else:
                gathered += self._with_deeper(place)
        return [*said, *gathered, *labelled]

    def _with_deeper(self, place: int) -> Iterator[Passage]:
        top = self.passages[place]
        blocks: list[Block] = []
        for passage in self.passages[place + 1 :]:
            if passage.level <= top.level:
                break
            blocks += passage.blocks
        if blocks:
            yield Passage(top.heading, top.level, top.first, tuple(blocks))


def read_card_text(content: str) -> CardText:
    """Take a README.md apart. Nothing in it makes this fail."""
    metadata, problem, text, skipped = _metadata(content)
    passages = tuple(_passages(_blocks(text, skipped)))
    head = content[: len(content) - len(text)]
    return CardText(metadata, problem, passages, head, text, skipped + 1)


@lru_cache(maxsize=10_000)
def plain(text: str) -> str:
    """A heading as it is compared: small letters without accents, emoji, numbers, punctuation."""
    text = text.casefold().replace("&", " and ")
    text = "".join(
        character
        for character in unicodedata.normalize("NFD", text)
        if unicodedata.category(character) != "Mn" or _is_asian_mark(character)
    )
    text = unicodedata.normalize("NFC", text)
    return " ".join(re.sub(r"[\W\d_]+", " ", text).split())


def _is_asian_mark(character: str) -> bool:
    return character in "\u3099\u309a"  # they tell ba from ha


@cache
def _words(topic: str, never: bool = False) -> re.Pattern[str]:
    """The topic's words; or, with ``never``, those marked "!", which it never has."""
    by_language = read_table("headings.toml")[topic]
    patterns = {pattern for words in by_language.values() for pattern in words}
    wanted = [one.removeprefix("!") for one in sorted(patterns) if one.startswith("!") == never]
    return re.compile("|".join(fnmatch.translate(one) for one in wanted) or r"(?!)")


@cache
def sentences_about(topic: str) -> re.Pattern[str]:
    """What cards say in a sentence about a topic (``sentences.toml``), for ``folded`` text."""
    by_language = read_table("sentences.toml")[topic]
    patterns = [pattern for listed in by_language.values() for pattern in listed]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL)


def folded(text: str) -> str:
    """Small letters, plain hyphens and quotes, Latin and Cyrillic letters without accents."""
    text = unicodedata.normalize("NFD", text.casefold())
    text = "".join(letter for letter in text if not "\u0300" <= letter <= "\u036f")
    text = unicodedata.normalize("NFC", text).translate(str.maketrans("łøđı", "lodi"))
    return re.sub(r"[’‘`´]", "'", re.sub(r"[‐‑‒–—−]", "-", text))


@cache
def read_table(name: str) -> dict[str, Any]:
    """A table of this folder."""
    table = resources.files(__package__) / name
    return tomllib.loads(table.read_text(encoding="utf-8"))


# --- Metadata ------------------------------------------------------------------------------------


def _metadata(content: str) -> tuple[dict[str, Any], str, str, int]:
    """Metadata, what is wrong with it, the text after it, and the lines before that text."""
    import yaml
    from huggingface_hub.repocard import REGEX_YAML_BLOCK

    found = REGEX_YAML_BLOCK.match(content)
    if found is None:
        return _without_metadata(content)
    text, skipped = content[found.end() :], len(re.findall(r"\r\n?|\n", found[0]))
    if len(found[0]) > LONGEST_METADATA:
        return {}, f"the metadata is longer than {LONGEST_METADATA:,} characters", text, skipped
    try:
        metadata = _read_yaml(found[0])
    except yaml.YAMLError as error:
        return {}, f"the metadata is no YAML: {_first_words(error)}", text, skipped
    except (ValueError, TypeError, RecursionError, AttributeError) as error:
        return {}, f"the metadata cannot be read: {_first_words(error)}", text, skipped
    return metadata, "", text, skipped


def _read_yaml(block: str) -> dict[str, Any]:
    """The metadata; with blanks for tabs where these alone are in the way, as the Hub reads them.

    Raises:
        yaml.YAMLError, ValueError, TypeError, RecursionError, AttributeError: it cannot be read.
    """
    import yaml
    from huggingface_hub import ModelCard

    try:
        return card_metadata(ModelCard(block, ignore_metadata_errors=True).data)
    except yaml.YAMLError:
        if "\t" not in block:
            raise
        patient = block.replace("\t", " ")
        return card_metadata(ModelCard(patient, ignore_metadata_errors=True).data)


def _without_metadata(content: str) -> tuple[dict[str, Any], str, str, int]:
    """For a card without metadata, or whose block of them is opened and never closed."""
    opened = re.match(r"\s*---[ \t]*(\r\n?|\n)([ \t]*([\w-]+:|- ).*(\r\n?|\n))+", content)
    if opened is None:
        return {}, "", content, 0
    text, skipped = content[opened.end() :], len(re.findall(r"\r\n?|\n", opened[0]))
    return {}, "the metadata block is opened and never closed", text, skipped


def _first_words(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    words = (
        getattr(error, "problem", None) or (str(error).splitlines() or [type(error).__name__])[0]
    )
    return f"{words} (line {mark.line + 2})" if mark else words


# --- Blocks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Heading:
    level: int
    line: int
    text: str


@dataclass(frozen=True)
class _Labelled:
    label: str
    block: Block
    level: int = LABEL


def _blocks(text: str, skipped: int) -> Iterator[_Heading | _Labelled | Block]:
    """Headings, labelled lines and blocks of a Markdown text, in order."""
    tokens = _without_inline().parse(text)
    row: list[str] = []
    quoted = 0
    for place, token in enumerate(tokens):
        first, last = token.map or (0, 0)
        first, last = first + skipped + 1, max(first + 1, last) + skipped
        match token.type:
            case "heading_open":
                yield _Heading(int(token.tag[1]), first, readable(tokens[place + 1].content))
            case "blockquote_open":
                quoted += 1
            case "blockquote_close":
                quoted -= 1
            case "paragraph_open":
                form = "quote" if quoted else "text"
                yield from _paragraph(tokens[place + 1].content, form, first, last)
            case "fence" | "code_block":
                if token.content.strip():
                    yield Block("code", first, last, token.content.rstrip())
            case "html_block":
                yield from _html(token.content, first)
            case "tr_open":
                row = []
            case "th_open" | "td_open":
                row.append(readable(tokens[place + 1].content))
            case "tr_close":
                yield from _row(row, *_lines_of_row(tokens, place, skipped))


def _lines_of_row(tokens: list[Any], place: int, skipped: int) -> tuple[int, int]:
    while tokens[place].type != "tr_open":
        place -= 1
    first, last = tokens[place].map or (0, 1)
    return first + skipped + 1, max(first + 1, last) + skipped


def _paragraph(content: str, form: str, first: int, last: int) -> Iterator[Any]:
    content = COMMENT.sub("", content).strip()
    callout = CALLOUT.match(content)
    if callout:
        content, first = content[callout.end() :], first + callout[0].count("\n")
    bold = BOLD.fullmatch(content)
    if bold and not A_SENTENCE.search(bold["text"]):
        yield _Heading(BOLD_LINE, first, readable(bold["text"]))
        return
    lines = content.split("\n")
    labelled = [LABELLED.fullmatch(line.strip()) for line in lines]
    if len(lines) > 1 and all(labelled):  # a run of labelled lines
        for number, line in enumerate(lines):
            yield from _paragraph(line, form, first + number, first + number)
        return
    found = LABELLED.fullmatch(content)
    text = readable(content)
    if says_nothing(text):
        return
    if callout and callout["kind"].casefold() in WARNINGS:
        yield _Labelled(callout["kind"], Block(form, first, last, text))
    if found and (found["bold"] or len(found["plain"].split()) <= LONGEST_LABEL):
        named = found["bold"] or found["plain"]
        label = readable(named).rstrip(": ")
        value = readable(found["text"])
        loose = ":" not in content[: found.start("text")]
        if says_nothing(value) and not (loose and A_SENTENCE.search(label)):
            return
        level = LOOSE_LABEL if loose else LABEL
        if value:
            yield _Labelled(label, Block(form, first, last, value), level)
    yield Block(form, first, last, text)


def says_nothing(text: str) -> bool:
    """Whether it is a placeholder, or a sentence that a template puts into every card."""
    if PLACEHOLDER.fullmatch(text):
        return True
    return len(text) < LONGEST_FILLER and bool(sentences_about("filler").fullmatch(folded(text)))


def _row(cells: list[str], first: int, last: int) -> Iterator[Any]:
    if len(cells) < 2 or all(PLACEHOLDER.fullmatch(cell) for cell in cells[1:]):
        return
    value = " | ".join(cells[1:])
    if len(cells) == 2:
        yield _Labelled(cells[0].rstrip(": "), Block("text", first, last, value))
    yield Block("text", first, last, f"{cells[0]} | {value}")


def readable(text: str) -> str:
    """Markdown's inline marks and HTML's tags taken off."""
    words = "".join(map(_words_of, inline_tokens(text)))
    return "\n".join(" ".join(line.split()) for line in words.split("\n")).strip()


def inline_tokens(text: str, references: Mapping[str, Any] = {}) -> Sequence[Token]:
    """The pieces of a paragraph: words, marks, links. ``references`` are ``link_references``."""
    return _inline().parseInline(text, {"references": references})[0].children or ()


def link_references(text: str) -> Mapping[str, Any]:
    """Addresses that a text gives on lines of their own, for links such as ``[our base][1]``."""
    found: dict[str, Any] = {}
    _without_inline().parse(text, found)
    return dict(found.get("references", {}))


def as_written(token: Token) -> str:
    """An inline token with its marks. Images are left out."""
    match token.type:
        case "image":
            return ""
        case "code_inline":
            return f"{token.markup}{token.content}{token.markup}"
        case "softbreak" | "hardbreak":
            return "\n"
    return token.content or token.markup


def _words_of(token: Token) -> str:
    """What a reader sees of an inline token. Images are not read here."""
    match token.type:
        case "text" | "code_inline":
            return token.content
        case "softbreak" | "hardbreak":
            return "\n"
        case "html_inline":
            return "" if token.content.startswith("<!--") else " "
    return ""


@cache
def _without_inline() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable("inline")


@cache
def _inline() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("strikethrough")


class _HtmlBlocks(HTMLParser):
    """Headings, table rows and text of a piece of HTML, in order."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first
        self.found: list[Any] = []
        self.words: list[str] = []
        self.began = first
        self.row: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if re.fullmatch(r"h[1-6]|summary|p|div|li|table|tr|td|th|ul|ol|br|details", tag):
            self.flush()
        if tag == "tr":
            self.row = []
        self.began = self.line()

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self.row is not None:
            self.row.append(self.taken())
        elif tag == "tr" and self.row is not None:
            row, self.row = self.row, None
            self.found += _row(row, self.began, self.line())
        elif re.fullmatch(r"h[1-6]|summary", tag):
            text = self.taken()
            if text:
                level = BOLD_LINE if tag == "summary" else int(tag[1])
                self.found.append(_Heading(level, self.began, text))
        elif re.fullmatch(r"p|div|li|table|details", tag):
            self.flush()

    def handle_data(self, data: str) -> None:
        if not self.words and data.strip():
            self.began = self.line()
        self.words.append(data)

    def line(self) -> int:
        return self.first + self.getpos()[0] - 1

    def taken(self) -> str:
        text, self.words = readable("".join(self.words)).strip(), []
        return " ".join(text.split())

    def flush(self) -> None:
        began = self.began
        text = self.taken()
        if text and self.row is None:
            self.found += _paragraph(text, "text", began, max(began, self.line()))


def _html(content: str, first: int) -> list[Any]:
    parser = _HtmlBlocks(first)
    try:
        parser.feed(COMMENT.sub(lambda found: "\n" * found[0].count("\n"), content))
        parser.close()
    except AssertionError:  # what html.parser raises for some malformed declarations
        pass
    parser.flush()
    return parser.found


# --- Passages ------------------------------------------------------------------------------------


def _passages(blocks: Iterable[_Heading | _Labelled | Block]) -> Iterator[Passage]:
    heading = _Heading(0, 1, "")
    under: list[Block] = []
    labelled: list[_Labelled] = []

    def passages() -> Iterator[Passage]:
        yield Passage(heading.text, heading.level, heading.line, tuple(under))
        for one in labelled:
            yield Passage(one.label, one.level, one.block.first, (one.block,))

    for block in blocks:
        if isinstance(block, _Heading):
            yield from passages()
            heading, under, labelled = block, [], []
        elif isinstance(block, _Labelled):
            labelled.append(block)
        else:
            under.append(block)
    yield from passages()
