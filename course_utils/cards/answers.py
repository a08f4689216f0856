"""What a card says to each question: the passage or paragraph that answers it, with its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from course_utils.cards.markdown import LABEL, Block, CardText, Passage
from course_utils.text import shorten

SHOWN = 120  # characters of an answer in a report

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
TELLS_HOW_TO_LOAD = re.compile(r"\b(load|import|install|download|clone|pip)\w*\b", re.IGNORECASE)
NOT_FOR = re.compile(
    r"\b(not|\w+n't|never|avoid|cannot|nicht|kein\w*|ne pas|jamais|no (debe|usar|es)"
    r"|não|nunca)\b|不|禁止|ない|ません|않|нельзя|не\b",
    re.IGNORECASE,
)
SAYS_FOR_WHAT = re.compile(
    r"\b(intended (for|to)|designed (for|to)|meant (for|to)|suitable for|should (not|only|never)"
    r"|must not|do not use|don't use|not (be used|suitable|intended|meant|for production))\b",
    re.IGNORECASE,
)
SAYS_IN_AND_OUT = re.compile(
    r"\b(takes|accepts|expects|given)\b.{0,120}\b(returns?|outputs?|produces?|predicts?|generates?|gives)\b"
    r"|\binputs?\b.{0,120}\boutputs?\b|\bin:.{0,200}\bout:|\b\w+ in ?[,/] ?\w+ out\b",
    re.IGNORECASE | re.DOTALL,
)
SAYS_TRAINED_ON = re.compile(
    r"\b(pre-?trained|trained|fine-?tuned|finetuned)\b[^.\n]{0,160}?"
    r"\bon (?!an unknown|unknown|top of|the fly|the evaluation|\d+ (gpu|tpu|h100|a100))",
    re.IGNORECASE,
)
SAYS_BASE = re.compile(
    r"(?:fine-?tuned|finetuned|derived|adapted|quantized|distilled)(?: version)?\s+(?:of|from)\s+"
    r"\[?`?(?P<id>[\w.-]+/[\w.-]*\w)",
    re.IGNORECASE,
)
POINTS_ELSEWHERE = re.compile(
    r"\W*(please )?(see|visit|check|read|for more|for details|more information|note|warning"
    r"|this (model )?card|this is a summary|work in progress|update|news)\b",
    re.IGNORECASE,
)


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
            yield from ((passage, block) for block in passage.blocks if block.kind == "text")


def _saying(card: CardText, pattern: re.Pattern[str]) -> Answer:
    for passage, block in _prose(card):
        if pattern.search(block.text):
            return _answer_of(passage, block)
    return NOT_SAID


def what_it_does(card: CardText) -> Answer:
    found = _first(_headed(card, "what_it_does"))
    if found.found:
        return found
    for passage in card.passages[:3]:  # before the first heading, and under the title
        if passage.level > 1:
            continue
        labels = {one.blocks[0].first for one in card.passages if one.level == LABEL}
        for block in passage.blocks:
            says = len(block.text.split()) > 1 and not POINTS_ELSEWHERE.match(block.text)
            if block.kind == "text" and says and block.first not in labels:
                return _answer_of(passage, block)
    return _first([*_labelled(card, "what_it_does"), *_labelled(card, "what_it_does_label")])


def inputs_outputs(card: CardText) -> Answer:
    found = _first([*_headed(card, "inputs_outputs"), *_labelled(card, "inputs_outputs")])
    return found if found.found else _saying(card, SAYS_IN_AND_OUT)


def limits(card: CardText) -> Answer:
    found = _first(card.about("limits"))
    if found.found:
        return found
    for passage in card.about("intended_use"):
        if NOT_FOR.search(passage.text):
            return _answer(passage)
    answer = _saying(card, SAYS_FOR_WHAT)
    return answer if NOT_FOR.search(answer.text) else NOT_SAID


def intended_use(card: CardText, limits: Answer) -> Answer:
    found = _first(card.about("intended_use"))
    if found.found:
        return found
    said = _saying(card, SAYS_FOR_WHAT)
    return said if said.found and not limits.heading else limits


def how_to_load(card: CardText) -> Answer:
    headed = card.about("how_to_load")
    for pattern in (LOADS, SERVES, INSTALLS):
        for passage in headed:
            if pattern.search(passage.text):
                return _answer(passage)
        for passage in card.passages:
            for block in passage.blocks:
                if block.kind == "code" and pattern.search(block.text) and passage.level < LABEL:
                    return _answer_of(passage, block)
    telling = (one for one in headed if one.code or TELLS_HOW_TO_LOAD.search(one.text))
    return _first(telling)


def training_data(card: CardText) -> Answer:
    passages = [
        passage
        for passage in card.about("training_data")
        if not re.search(r"\bevaluation\b|\btest\b", passage.heading, re.IGNORECASE)
        or "training" in passage.heading.casefold()
    ]
    found = _first(passages)
    if not found.found:
        found = _saying(card, SAYS_TRAINED_ON)
    if found.found:
        return found
    named = card.metadata.get("datasets")
    listed = [str(one) for one in (named if isinstance(named, list) else [named]) if one]
    return Answer(True, text=f"datasets in the metadata: {', '.join(listed)}") if listed else found


def languages(card: CardText) -> tuple[str, ...]:
    named = card.metadata.get("language", card.metadata.get("languages"))
    listed = named if isinstance(named, list) else [named]
    # YAML reads the code of Norwegian, no, as false.
    words = ["no" if one is False else word(one) for one in listed]
    found = tuple(dict.fromkeys(word for word in words if word))
    if found:
        return found
    passages = card.about("languages")
    return (" ".join(passages[0].text.split()),) if passages else ()


def base_models_in_text(card: CardText) -> tuple[str, ...]:
    for passage in card.about("base_model"):
        found = re.search(r"[\w.-]+/[\w.-]*\w", passage.text)
        if found:
            return (found[0],)
    for _, block in _prose(card):
        found = SAYS_BASE.search(block.text)
        if found:
            return (found["id"],)
    return ()


def word(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int, float)) and str(value).strip() else None
