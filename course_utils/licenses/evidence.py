"""What a repo says of its license: tag, name, license files, the card's own words, the gate."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_utils.cards.markdown import CardText, Passage, read_card_text
from course_utils.errors import HubTrouble
from course_utils.hub.client import card_metadata, read_text
from course_utils.licenses import expression, wording
from course_utils.licenses.table import (
    License,
    described,
    each_once,
    find_license,
    find_named,
    mentioned,
)
from course_utils.licenses.texts import Reading, read_license_text
from course_utils.text import shorten

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

FOR_BUSINESS = ("commercial", "internal")
MOST_FILES = 4
MOST_CLUES = 8
MOST_WORDS = 400  # characters of a sentence that decides
FEW_WORDS = 12  # a license file with fewer says nothing of its own
LICENSE_KEYS = ("licenses", "licence", "licences")  # spelled so, the Hub does not read them
PLACEHOLDERS = ("license", "licence", "unknown", "none", "tbd")

LICENSE_FILE = re.compile(
    r"(model[_-]?)?(licen[cs]e|copying)([._ -][\w .-]*)?|[\w-]+[._-]licen[cs]e(\.(md|txt))?",
    re.IGNORECASE,
)
CC_ADDRESS = re.compile(r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)", re.IGNORECASE)
WORTH_READING = re.compile(
    r"\bnon-?[ ]?commercial\b|\bno commercial use\b|\bnot (be used )?for (any )?commercial\b"
    r"|\b(research|academic|evaluation|educational)( use| purposes?)? only\b"
    r"|\bonly (be used )?for (\w+ )?(research|academic|evaluation)\b"
    r"|monthly|\d[\d,.]* (million|billion|people|users)|active users"
    r"|revenue|compet(e|ing|itor)|improve any|may not (use|be used)|must not|prohibited"
    r"|acceptable use|pass on|notice|attribution|prominently|begin the name|commercial",
    re.IGNORECASE,
)
RULES_OUT = re.compile(r"\b(may|must|shall|can) ?not use\b|\bdo not use\b|\bnot to use\b", re.I)
FOR_COMMERCE = re.compile(r"(?<!non-)(?<!non )\bcommercial", re.IGNORECASE)


@dataclass(frozen=True)
class Evidence:
    """``source`` is where it was read: "tag", a file's name, "gate", "card", "base model"."""

    source: str
    says: str


@dataclass(frozen=True)
class OwnText:
    """A license file that is no known license, with the sentences that say something of use.

    Each of them begins with its line: "line 5: …".
    """

    source: str
    forbids: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    rules_out: tuple[str, ...] = ()  # uses that it lists as forbidden
    mentions: tuple[str, ...] = ()  # identifiers of licenses that it names
    words: int = 0

    @property
    def has_words(self) -> bool:
        return self.words >= FEW_WORDS

    @property
    def sets_terms_for_commerce(self) -> bool:
        """Whether it allows commercial use on a condition."""
        return any(FOR_COMMERCE.search(words) for words in self.conditions)

    @property
    def deciding(self) -> tuple[str, ...]:
        return (*self.forbids, *self.conditions)[:MOST_CLUES]

    @property
    def conditions_in_words(self) -> tuple[str, ...]:
        return tuple(f"{self.source} asks, {words}" for words in self.conditions)

    def names_only(self, stated: Stated) -> bool:
        """Whether it only points to the license that the tag names."""
        tagged = {row.id for tag in stated.telling_tags for row in stated.licenses_of(tag)}
        said = self.forbids or self.conditions or self.rules_out
        return not said and bool(tagged & set(self.mentions))


@dataclass(frozen=True)
class Stated:
    """What one repo says of its license. ``tags`` as its author wrote them."""

    tags: tuple[Any, ...]
    license_name: str = ""
    texts: tuple[tuple[str, License], ...] = ()  # source, license that its text is
    own_texts: tuple[OwnText, ...] = ()
    added: tuple[str, ...] = ()  # what license files say beyond the license that they are
    forbids: tuple[str, ...] = ()  # words elsewhere that forbid use in a business
    terms: tuple[str, ...] = ()  # words elsewhere that set other terms
    relicenses: str = ""  # where the owner sets this license apart from the base model's
    findings: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    card: CardText = field(default_factory=CardText)
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def telling_tags(self) -> tuple[Any, ...]:
        rows = [(tag, find_license(tag)) for tag in self.tags]
        return tuple(tag for tag, row in rows if row is None or not row.says_nothing)

    @property
    def named(self) -> License | None:
        """The license that ``license_name`` means, where it is one that is known here."""
        return find_named(self.license_name)

    @property
    def named_non_commercial(self) -> bool:
        words = re.sub("[-_.]", " ", self.license_name)
        return self.named is None and wording.forbids(words)

    @staticmethod
    def licenses_of(tag: Any) -> list[License]:
        found = [find_license(part) for part in expression.identifiers(str(tag))]
        return [row for row in found if row]


@dataclass
class _Notes:
    """What is gathered while a repo is read."""

    tags: tuple[Any, ...]
    texts: list[tuple[str, License]] = field(default_factory=list)
    own_texts: list[OwnText] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    forbids: list[str] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)
    relicenses: str = ""
    findings: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    card: CardText = field(default_factory=CardText)
    out_of_reach: bool = False  # the Hub stopped answering: no use in asking for more files

    def add(self, source: str, says: str) -> None:
        one = Evidence(source, says)
        if one not in self.evidence:
            self.evidence.append(one)

    @property
    def tagged(self) -> set[str]:
        return {row.id for tag in self.tags for row in Stated.licenses_of(tag)}


def tags_of(info: ModelInfo, metadata: dict[str, Any]) -> tuple[Any, ...]:
    named = metadata.get("license")
    if named is None:
        prefix = "license:"
        named = [tag.removeprefix(prefix) for tag in info.tags or () if tag.startswith(prefix)]
    if not named:
        named = _misspelled(metadata)[1]
    return tuple(each_once(named if isinstance(named, list) else [named]))


def _misspelled(metadata: dict[str, Any]) -> tuple[str, list[Any]]:
    """A license under a key that the Hub does not read; ("", []) for none."""
    for key in LICENSE_KEYS:
        named = metadata.get(key)
        listed = named if isinstance(named, list) else [named]
        telling = [one for one in listed if one and str(one).casefold() not in PLACEHOLDERS]
        if telling:
            return key, telling
    return "", []


def read_repo(info: ModelInfo) -> Stated:
    """Everything that a repo says of its license; its card and license files are fetched."""
    files = [one.rfilename for one in info.siblings or ()]
    card, trouble = CardText(), ""
    if "README.md" in files:
        try:
            card = read_card_text(read_text(info.id, "README.md") or "")
        except HubTrouble as error:
            trouble = error.problem
    # Where the Hub could not parse the metadata, the card's own reader may be more patient.
    metadata = card_metadata(info.card_data) or card.metadata
    tags = tags_of(info, metadata)
    notes = _Notes(tags, card=card)
    name, link = metadata.get("license_name"), metadata.get("license_link")
    key, _ = _misspelled(metadata)
    for tag in tags:
        notes.add("tag", described(tag))
    if not tags:
        notes.add("tag", "none")
    elif key and not metadata.get("license"):
        named = ", ".join(str(tag) for tag in tags)
        notes.findings.append(f"Its card says `{key}: {shorten(named)}`, a key the Hub ignores.")
    if name:
        _read_license_name(str(name), notes)
    if link:
        _read_license_link(str(link), notes)
    _read_license_files(info.id, files, notes)
    if trouble:
        notes.add("card", f"not read: {trouble}")
    else:
        _read_card(card, notes)
    _read_gate(info, metadata, notes)
    return Stated(
        tags=tags,
        license_name=str(name or ""),
        texts=tuple(notes.texts),
        own_texts=tuple(notes.own_texts),
        added=tuple(dict.fromkeys(notes.added)),
        forbids=tuple(dict.fromkeys(notes.forbids)),
        terms=tuple(dict.fromkeys(notes.terms)),
        relicenses=notes.relicenses,
        findings=tuple(notes.findings),
        evidence=tuple(notes.evidence),
        card=card,
        metadata=metadata,
    )


def _read_license_name(name: str, notes: _Notes) -> None:
    notes.add("license_name", shorten(name))
    row = find_named(name)
    if row is None:
        return
    how = f"; see {row.source}, read on {row.read_on}" if row.source else ""
    notes.add("license_name", f"{described(row.id)}{how}")


def _read_license_link(link: str, notes: _Notes) -> None:
    notes.add("license_link", shorten(link))
    found = CC_ADDRESS.search(link)
    row = find_license(f"cc-{found[1]}-{found[2]}") if found else None
    if row is not None:
        notes.texts.append(("license_link", row))


# --- License files -------------------------------------------------------------------------------


def _read_license_files(repo_id: str, files: list[str], notes: _Notes) -> None:
    names = [name for name in files if "/" not in name and LICENSE_FILE.fullmatch(name)]
    if not names:
        notes.add("LICENSE", "no such file")
    for name in names[:MOST_FILES]:
        try:
            text = read_text(repo_id, name) or ""
        except HubTrouble as trouble:
            gated = trouble.problem in ("gated", "forbidden")
            notes.add(name, f"not read: {'behind the gate' if gated else trouble.problem}")
            if gated:
                continue
            notes.out_of_reach = True
            return
        _read_license_file(name, text, notes)


def _read_license_file(name: str, text: str, notes: _Notes) -> None:
    reading = read_license_text(text)
    for row in reading.licenses:
        notes.add(name, f"reads like {row.id}: {row.name} ({row.kind})")
    is_of_code = "code" in name.casefold()
    if not reading.licenses:
        notes.add(name, "not recognized: a text of its own" if text.strip() else "empty")
        _note_clues(name, text, notes)
        if not is_of_code and text.strip():
            notes.own_texts.append(_own_text(name, text))
    elif not is_of_code:
        notes.texts += [(name, row) for row in reading.licenses]
        _note_additions(name, text, reading, notes)


def _note_clues(source: str, text: str, notes: _Notes) -> None:
    """Note the lines of an own license text that a person should read."""
    shown = 0
    for number, line in enumerate(re.split(r"\r\n?|\n", text), start=1):
        if not WORTH_READING.search(line):
            continue
        if shown < MOST_CLUES:
            notes.add(source, f"line {number}: {shorten(' '.join(line.split()))}")
        shown += 1
    if shown > MOST_CLUES:
        notes.add(source, f"and {shown - MOST_CLUES} more such lines: read them there")


def _own_text(name: str, text: str) -> OwnText:
    said: dict[str, list[str]] = {"forbids": [], "allows": [], "conditions": [], "rules_out": []}
    for line, sentence, around in _sentences_of(text):
        quoted = f"line {line}: {shorten(_with_surroundings(sentence, around), MOST_WORDS)}"
        if RULES_OUT.search(sentence):
            said["rules_out"].append(quoted)
        for one in wording.statements(line, sentence, ("conditions",)):
            said[one.says].append(quoted)
        if "commercial" in sentence.casefold() and not said["allows"] and wording.allows(sentence):
            said["allows"].append(quoted)
    once = {says: tuple(dict.fromkeys(quotes)) for says, quotes in said.items()}
    return OwnText(
        source=name,
        forbids=once["forbids"],
        allows=once["allows"],
        conditions=once["conditions"],
        rules_out=once["rules_out"],
        mentions=tuple(row.id for row in mentioned(text)),
        words=len(text.split()),
    )


def _with_surroundings(sentence: str, around: str) -> str:
    return around if len(around) <= wording.LONGEST_AROUND else sentence


def _sentences_of(text: str) -> list[tuple[int, str, str]]:
    """The sentences of a plain text, taken paragraph by paragraph."""
    found, first = [], 1
    for paragraph in re.split(r"(\n[ \t]*(?:\n[ \t]*)+)", re.sub(r"\r\n?", "\n", text)):
        if paragraph.strip():
            found += list(wording.sentences(first, paragraph))
        first += paragraph.count("\n")
    return found


def _note_additions(name: str, text: str, reading: Reading, notes: _Notes) -> None:
    """What a file says beyond the license that it is."""
    named = " and ".join(row.id for row in reading.licenses)
    if not reading.compared:
        if all(row.kind == "permissive" for row in reading.licenses):
            for line, sentence, _ in _sentences_of(text):
                if wording.forbids(sentence):
                    quoted = f"line {line}: {shorten(sentence)}"
                    notes.add(name, quoted)
                    notes.forbids.append(f"{name}, {quoted}")
        return
    for piece in reading.added:
        for one in wording.statements(piece.first, piece.text, ("conditions",)):
            quoted = f"line {one.line}: {shorten(one.words, MOST_WORDS)}"
            notes.add(name, f"adds to the text of {named}, {quoted}")
            if one.says == "forbids":
                notes.forbids.append(f"{name}, {quoted}")
            elif one.says == "conditions":
                notes.findings.append(f"{name} adds to the text of {named}, {quoted}")
                notes.added.append(f"{name} asks, {quoted}")
    if reading.left_out:
        words = ", ".join(f'"{word}"' for word in reading.left_out)
        says = f"{name} leaves out of the text of {named}: {words}"
        notes.findings.append(says)
        notes.added.append(f"{says}. What is not granted is not allowed.")


# --- The card ------------------------------------------------------------------------------------


def _read_card(card: CardText, notes: _Notes) -> None:
    """What the card says of its license and of its use, in its own words, wherever they stand."""
    if card.problem:
        notes.findings.append(f"The card's metadata cannot be used: {card.problem}.")
    on_license = card.about("license")
    strict_lines: set[int] = set()
    for passage in on_license:
        strict_lines |= _read_license_passage(passage, notes)
    seen = set()
    for passage in card.passages:
        for first, text in _texts_of(passage):
            for one in wording.statements(first, text, ("terms",)):
                if (one.line, one.words) in seen or one.line in strict_lines:
                    continue
                seen.add((one.line, one.words))
                _note_statement(one, notes)
            if passage not in on_license:
                _read_mentions(first, text, notes)
            for line, sentence, around in wording.sentences(first, text):
                quoted = f"line {line}: {shorten(_with_surroundings(sentence, around))}"
                if text != passage.heading and wording.forbids_below(passage.heading, sentence):
                    notes.forbids.append(f"the card, under {passage.heading}, {quoted}")
                if not notes.relicenses and wording.relicenses(sentence):
                    notes.relicenses = quoted
                if wording.from_scratch(sentence) and notes.tagged - {"other"}:
                    notes.add("base model", quoted)


def _texts_of(passage: Passage) -> list[tuple[int, str]]:
    """Heading and paragraphs of a passage, with their first lines."""
    blocks = [(block.first, block.text) for block in passage.blocks if block.form != "code"]
    return [(passage.first, passage.heading), *blocks] if passage.heading else blocks


def _note_statement(one: wording.Statement, notes: _Notes) -> None:
    quoted = f"line {one.line}: {shorten(one.words, MOST_WORDS)}"
    match one.says:
        case "forbids":
            notes.forbids.append(f"the card, {quoted}")
        case "terms":
            notes.terms.append(f"the card, {quoted}")
        case "allows":
            notes.add("card", quoted)


def _read_license_passage(passage: Passage, notes: _Notes) -> set[int]:
    """The licenses that a passage about the license names; lines that name stricter ones."""
    place = f"lines {passage.first}-{passage.last}"
    about_it: list[License] = []
    strict_lines = set()
    named = []
    for first, text in _texts_of(passage):
        for line, sentence, _ in wording.sentences(first, text):
            rows = mentioned(sentence)
            named += rows
            if rows and not wording.is_about_something_else(sentence):
                about_it += rows
                if any(_is_stricter(row, notes) for row in rows):
                    strict_lines.add(line)
    named, about_it = list(dict.fromkeys(named)), list(dict.fromkeys(about_it))
    if named:
        listed = ", ".join(row.id for row in named)
        notes.add("card", f"{place} name {listed}: {shorten(passage.text, MOST_WORDS)}")
    agrees = any(row.id in notes.tagged for row in about_it)
    if notes.tagged:  # code and weights often differ, so one that agrees is not enough
        strict = [row for row in about_it if _is_stricter(row, notes)]
        notes.texts += [("card", row) for row in (strict if agrees else about_it)]
    elif about_it:
        listed = ", ".join(row.id for row in about_it)
        notes.findings.append(
            f"The card's text names {listed} ({place}), but no tag does: ask its author."
        )
    return strict_lines


def _is_stricter(row: License, notes: _Notes) -> bool:
    return row.kind == "non-commercial" and row.id not in notes.tagged


def _read_mentions(first: int, text: str, notes: _Notes) -> None:
    """Sentences outside of the passages on the license that put the model under a stricter one."""
    for line, sentence, _ in wording.sentences(first, text):
        strict = [row for row in mentioned(sentence) if _is_stricter(row, notes)]
        if strict and notes.tagged and wording.licenses_the_model(sentence):
            notes.texts += [("card", row) for row in strict]
            notes.add("card", f"line {line}: {shorten(sentence, MOST_WORDS)}")


# --- The gate ------------------------------------------------------------------------------------


def _read_gate(info: ModelInfo, metadata: dict[str, Any], notes: _Notes) -> None:
    parts = [metadata.get(f"extra_gated_{part}") for part in ("heading", "description", "prompt")]
    prompt = "\n".join(str(part) for part in parts[2:] if part)
    beside = "\n".join(str(part) for part in parts[:2] if part)
    fields = metadata.get("extra_gated_fields")
    asked = fields if isinstance(fields, dict) else {}
    agreed = [str(label) for label, kind in asked.items() if kind == "checkbox"]
    if info.gated:
        notes.add("gate", f"{info.gated}: its terms are accepted before the files are given out")
    reading = read_license_text(prompt) if prompt else Reading(())
    for row in reading.licenses:
        notes.add("gate", f"its terms read like {row.id}: {row.name} ({row.kind})")
        notes.texts.append(("the gate", row))
    if reading.licenses:
        _note_additions("the gate", prompt, reading, notes)
        return
    for text in (prompt, beside, *agreed):
        for line in text.splitlines():
            _read_gate_line(shorten(line.strip()), notes)
        for one in wording.statements(1, text, ("terms",)):
            words = shorten(one.words, MOST_WORDS)
            if one.says == "forbids":
                notes.forbids.append(f"the gate: {words}")
            elif one.says == "terms":
                notes.terms.append(f"the gate: {words}")
            else:
                notes.add("gate", words)


def _read_gate_line(line: str, notes: _Notes) -> None:
    if WORTH_READING.search(line):
        notes.add("gate", line)
