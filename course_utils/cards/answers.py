"""What a card says to each question: the passage or paragraph that answers it, with its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from course_utils.cards.markdown import (
    BOLD_LINE,
    LABEL,
    Block,
    CardText,
    Passage,
    folded,
    plain,
    sentences_about,
)
from course_utils.text import shorten

SHOWN = 120  # characters of an answer in a report
TOPICS = (
    "inputs_outputs",
    "intended_use",
    "limits",
    "how_to_load",
    "training_data",
    "languages",
    "base_model",
    "license",
)
# Headings under which data may stand, and hyperparameters as well.
ONLY_TRAINING = re.compile(r"training|entrainement|entrenamiento|treinamento|学習|训练")

# What loads a model, what serves or fetches it, what only prepares: looked for in this order.
LOADS = re.compile(
    r"from_pretrained\(|pipeline\(|\bload_model\(|torch\.hub\.load|SentenceTransformer\("
    r"|CrossEncoder\(|create_model\(|\bLLM\(|mlx_lm"
)
SERVES = re.compile(
    r"hf_hub_download|snapshot_download|InferenceClient|\b(vllm serve|ollama (run|pull)"
    r"|llama-(cli|server)|transformers (serve|chat)|sglang|hf download|huggingface-cli download"
    r"|docker run)\b"
)
INSTALLS = re.compile(r"\b(pip install|conda install|git clone|brew install)\b")
RUNS = re.compile(
    r"\b(python3? [\w./-]+\.py|docker (run|compose)|uv run|npx|llama-\w+ -"
    r"|curl .*(localhost|127\.0))|\./[\w-]+",
)
TRAINS = re.compile(r"\b(torchrun|accelerate launch|deepspeed)\b|\btrain\w*\.py|--learning_rate")
TELLS_HOW_TO_LOAD = re.compile(r"\b(load|import|install|download|clone|pip)\w*\b", re.IGNORECASE)
NOT_FOR = re.compile(
    r"\b(not|\w+n't|never|avoid|cannot|nicht|kein\w*|ne pas|jamais|no (debe|usar|es)"
    r"|não|nunca)\b|不|禁止|ない|ません|않|нельзя|не\b",
    re.IGNORECASE,
)
POINTS_ELSEWHERE = re.compile(
    r"\W*(please )?(see|visit|check|read|for more|for details|more information|note|warning"
    r"|this (model )?card|this is a summary|work in progress|update|news|looking for|join|thanks"
    r"|try (it|the)|run (it|them|this)|using|original|created|quantized|download)\b",
    re.IGNORECASE,
)
VERSION = re.compile(r"\W*v?\d+(\.\w+)+(\.?(dev|rc|post)\d*)?(\+\w+)?\W*")
ABOUT_DATA = re.compile(
    r"\b(data|dataset|datasets|corpus|corpora|samples|examples|hours|sentences|pairs|articles)\b"
    r"|données|datos|dados|dati|daten|数据|语料|データ|コーパス|데이터|данн",
    re.IGNORECASE,
)
DOTTED_NAME = re.compile(r"\w+(\.\w+){2,}")  # torch.utils.data.DataLoader
NAMELESS_DATA = re.compile(r"\bon (the|an) (none|unknown) dataset\b", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What a card says to one question. ``lines`` are the first and last line in the README.md,
    counted from 1; ``heading`` is what it stands under, "" for none."""

    found: bool
    heading: str = ""
    lines: tuple[int, int] | None = None
    text: str = ""

    def in_short(self) -> str:
        if not self.found:
            return "the card does not say"
        words = shorten(self.text, SHOWN)
        if self.lines is None:
            return words
        first, last = self.lines
        place = f"line {first}" if first == last else f"lines {first}-{last}"
        return f'{place}, "{self.heading}": {words}' if self.heading else f"{place}: {words}"


NOT_SAID = Answer(False)


def _answer(passage: Passage) -> Answer:
    blocks = passage.blocks
    return Answer(True, passage.heading, (blocks[0].first, blocks[-1].last), passage.text)


def _answer_of(passage: Passage, block: Block) -> Answer:
    heading = passage.heading if passage.level > 1 else ""
    return Answer(True, heading, (block.first, block.last), block.text)


def _first(passages: Iterable[Passage]) -> Answer:
    return next((_answer(passage) for passage in passages), NOT_SAID)


def _headed(card: CardText, topic: str) -> list[Passage]:
    return [passage for passage in card.about(topic) if passage.level < LABEL]


def _labelled(card: CardText, topic: str) -> list[Passage]:
    return [passage for passage in card.about(topic) if passage.level >= LABEL]


def _prose(card: CardText) -> Iterator[tuple[Passage, Block]]:
    """Paragraphs of the whole card, each with the passage that it stands in."""
    for passage in card.passages:
        if passage.level < LABEL:
            yield from ((passage, block) for block in passage.blocks if block.form != "code")


def _saying(card: CardText, topic: str) -> Answer:
    pattern = sentences_about(topic)
    for passage, block in _prose(card):
        if pattern.search(folded(block.text)):
            return _answer_of(passage, block)
    return NOT_SAID


def _in_gate(card: CardText, topic: str) -> Answer:
    """What the gate's terms say about a topic. They stand in the card's metadata."""
    prompt = str(card.metadata.get("extra_gated_prompt") or "")
    lines = card.head.splitlines()
    for said in prompt.splitlines():
        if sentences_about(topic).search(folded(said)):
            places = [number for number, line in enumerate(lines, 1) if said.strip() in line]
            place = (places[0], places[0]) if places else None
            return Answer(True, "the gate", place, said.strip())
    return NOT_SAID


def what_it_does(card: CardText) -> Answer:
    headed = _headed(card, "what_it_does")
    described = {one.first for one in _labelled(card, "what_it_does")}
    facts = [
        passage
        for passage in headed
        if _holds_facts(card, passage)
        and not any(block.first in described for block in passage.blocks)
    ]
    found = _first(passage for passage in headed if passage not in facts)
    if found.found:
        return found
    opening = _opening(card)
    if opening.found:
        return opening
    labelled = [*_labelled(card, "what_it_does"), *_labelled(card, "what_it_does_label")]
    found = _first([*facts, *labelled])
    return found if found.found else _first(_subtitles(card))


def _holds_facts(card: CardText, passage: Passage) -> bool:
    """Whether a passage is a table or list of labelled facts and nothing else."""
    labels = {one.blocks[0].first for one in card.passages if one.level >= LABEL}
    return all(
        block.first in labels or " | " in block.text
        for block in passage.blocks
        if block.form != "code"
    )


def _opening(card: CardText) -> Answer:
    """The first paragraph that says something: before the first heading, or under the title.

    A second heading right below the title, with nothing between them, is a part of the title.
    """
    labels = {one.blocks[0].first for one in card.passages if one.level == LABEL}
    headings = 0
    for passage in card.passages:
        if passage.level >= LABEL:
            continue
        headings += bool(passage.heading)
        if any(passage.answers(topic) for topic in TOPICS):
            return NOT_SAID
        if headings > 1 and passage.level > 1 and not _is_subtitle(card, passage):
            return NOT_SAID
        for block in passage.blocks:
            says = len(block.text.split()) > 1 or not block.text.isascii()
            if says and block.form != "code" and block.first not in labels:
                if POINTS_ELSEWHERE.match(block.text) or " | " in block.text:
                    continue
                return _answer_of(passage, block)
    return NOT_SAID


def _is_subtitle(card: CardText, passage: Passage) -> bool:
    before = [one for one in card.passages if one.first < passage.first and one.heading]
    return not any(one.says_something for one in before if one.level < LABEL)


def _subtitles(card: CardText) -> Iterator[Passage]:
    """The last resort: headings that are whole sentences, each with the text under it."""
    for passage in card.passages:
        if passage.level == BOLD_LINE and len(passage.heading.split()) > 4 and passage.blocks:
            yield passage


def inputs_outputs(card: CardText) -> Answer:
    found = _first([*_headed(card, "inputs_outputs"), *_labelled(card, "inputs_outputs")])
    return found if found.found else _saying(card, "inputs_outputs")


def limits(card: CardText) -> Answer:
    found = _first(card.about("limits"))
    if found.found:
        return found
    for passage in card.about("intended_use"):
        if NOT_FOR.search(passage.text):
            return _answer(passage)
    answer = _saying(card, "for_what")
    if NOT_FOR.search(answer.text):
        return answer
    for passage in card.about("warnings"):
        if NOT_FOR.search(passage.text) or sentences_about("warns").search(folded(passage.text)):
            return _answer(passage)
    in_gate = _in_gate(card, "warns")
    return in_gate if in_gate.found else _saying(card, "warns")


def intended_use(card: CardText, limits: Answer) -> Answer:
    found = _first(card.about("intended_use"))
    if found.found:
        return found
    said = _saying(card, "for_what")
    if said.found and not limits.heading:
        return said
    in_gate = _in_gate(card, "for_what")
    return in_gate if in_gate.found else limits


def how_to_load(card: CardText) -> Answer:
    headed = card.about("how_to_load")
    for pattern in (LOADS, SERVES, RUNS, INSTALLS):
        for passage in headed:
            if pattern.search(passage.text) and not TRAINS.search(passage.code):
                return _answer(passage)
        for passage in card.passages:
            for block in passage.blocks:
                if block.form != "code" or passage.level >= LABEL or TRAINS.search(block.text):
                    continue
                if pattern.search(block.text):
                    return _answer_of(passage, block)
    telling = (one for one in headed if one.code or TELLS_HOW_TO_LOAD.search(one.text))
    return _first(telling)


def training_data(card: CardText) -> Answer:
    found = _first(passage for passage in card.about("training_data") if _tells_of_data(passage))
    if not found.found:
        found = _trained_on(card)
    if found.found:
        return found
    named = card.metadata.get("datasets")
    listed = [str(one) for one in (named if isinstance(named, list) else [named]) if one]
    return Answer(True, text=f"datasets in the metadata: {', '.join(listed)}") if listed else found


def _tells_of_data(passage: Passage) -> bool:
    heading = passage.heading.casefold()
    if re.search(r"\bevaluation\b|\btest\b", heading) and "training" not in heading:
        return False
    if VERSION.fullmatch(passage.text):  # the library of that name, among others
        return False
    if not ONLY_TRAINING.fullmatch(plain(passage.heading)):
        return True
    words = "\n".join(block.text for block in passage.blocks if block.form != "code")
    words = DOTTED_NAME.sub("", words)
    return bool(sentences_about("trained_on").search(folded(words)) or ABOUT_DATA.search(words))


def _trained_on(card: CardText) -> Answer:
    for passage, block in _prose(card):
        words = NAMELESS_DATA.sub("", block.text)
        if sentences_about("trained_on").search(folded(words)):
            return _answer_of(passage, block)
    return NOT_SAID
