"""``read_card()``: what a model card says to the four questions, and what it does not say."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.card_text import LABEL, Block, CardText, Passage, read_card_text
from course_utils.course_error import CourseError
from course_utils.hub_client import decoded, model_info, read_text
from course_utils.lineage import ancestors, base_models, repo_id_of
from course_utils.report import Report

CARD = "README.md"
LARGEST_CARD = 2_000_000  # bytes
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

SAFETENSORS = re.compile(r".*\.safetensors")
PICKLE = re.compile(r".*\.(bin|pt|pth|ckpt|pkl|pickle|joblib)")
OTHER_WEIGHTS = re.compile(r".*\.(gguf|onnx|h5|msgpack|tflite|mlmodel|keras)")
NOT_WEIGHTS = re.compile(
    r"(.*/)?(training_args\.bin|(optimizer|scheduler|scaler)\.(pt|bin)|rng_state.*\.pth)"
)
MEANINGS = {
    "safetensors": "safetensors hold numbers and nothing that runs",
    "pickle": (
        "a pickle can run its author's code when it is opened; load it with weights_only=True, as "
        "transformers does"
    ),
    "code": (
        "trust_remote_code=True downloads Python files of this repo and runs them here, with all "
        "your rights: read them first and pin the commit with revision="
    ),
}


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
        words = " ".join(self.text.split())
        words = words if len(words) <= SHOWN else words[: SHOWN - 1] + "…"
        if self.lines is None:
            return words
        first, last = self.lines
        place = f"line {first}" if first == last else f"lines {first}-{last}"
        return f'{place}, "{self.heading}": {words}' if self.heading else f"{place}: {words}"


NOT_SAID = Answer(False)


@dataclass(frozen=True, repr=False)
class CardReport(Report):
    """What the card of ``subject`` says, and what its repo shows.

    ``limits`` is the part of ``intended_use`` that says what not to do. ``base_models`` go up the
    lineage, parents first. ``weights`` is "safetensors", "pickle", "safetensors and pickle",
    "other", "none", or None where only the card is known. ``remote_code`` says whether loading it
    with transformers asks for ``trust_remote_code=True``; None where that is not known.
    """

    subject: str
    has_card: bool
    what_it_does: Answer
    inputs_outputs: Answer
    intended_use: Answer
    limits: Answer
    how_to_load: Answer
    training_data: Answer
    languages: tuple[str, ...]
    base_models: tuple[str, ...]
    task: str | None
    weights: str | None
    weight_files: tuple[str, ...]
    remote_code: bool | None
    code_files: tuple[str, ...]
    problem: str
    notes: tuple[str, ...] = ()

    @property
    def not_said(self) -> tuple[str, ...]:
        """The questions that the card leaves open."""
        answers = {
            "what it does": self.what_it_does,
            "inputs and outputs": self.inputs_outputs,
            "intended use": self.intended_use,
            "misuse and limits": self.limits,
            "how to load it": self.how_to_load,
            "training data": self.training_data,
        }
        open_ = [name for name, answer in answers.items() if not answer.found]
        return tuple(open_ if self.languages else [*open_, "languages"])

    def title(self) -> str:
        said = sum(
            answer.found
            for answer in (
                self.what_it_does,
                self.inputs_outputs,
                self.intended_use,
                self.how_to_load,
            )
        )
        answered = f"answers {said} of 4 questions" if self.has_card else "has no card"
        return f"{self.subject}: {answered}"

    def rows(self) -> Iterator[tuple[str, str]]:
        if self.has_card:
            yield "what it does", self.what_it_does.in_short()
            yield "inputs and outputs", self.inputs_outputs.in_short()
            yield "intended use", self.intended_use.in_short()
            if self.limits != self.intended_use:
                yield "misuse and limits", self.limits.in_short()
            yield "how to load it", self.how_to_load.in_short()
            yield "training data", self.training_data.in_short()
            yield "languages", ", ".join(self.languages) or "the card does not say"
        if self.task:
            yield "task", self.task
        yield "base models", " ← ".join(self.base_models) or "none named"
        if self.weights is not None:
            yield "weights", self._weights_words()
        if self.remote_code is not None:
            files = f" ({', '.join(self.code_files[:4])})" if self.code_files else ""
            needed = f"yes{files}: {MEANINGS['code']}" if self.remote_code else "none needed"
            yield "custom code", needed
        if self.problem:
            yield "metadata", self.problem
        for note in self.notes:
            yield "note", note

    def _weights_words(self) -> str:
        if self.weights in ("none", "other"):
            return ", ".join(self.weight_files[:4]) or "none in this repo"
        meaning = "safetensors" if "safetensors" in str(self.weights) else "pickle"
        return f"{self.weights}: {MEANINGS[meaning]}"


def read_card(repo_id_or_path: str | os.PathLike[str]) -> CardReport:
    """Read a model card: a repo's on the Hub in use, or a local README.md (or its folder).

    What is there as a file is taken as a file. Of a repo that is gated the card can be read all
    the same.

    Raises:
        CourseError: neither a file nor a repo; or the Hub gave no answer in time.
    """
    if not isinstance(repo_id_or_path, (str, os.PathLike)) or not str(repo_id_or_path).strip():
        raise CourseError('Give a repo id ("owner/name") or the path of a README.md.')
    local = _local_card(Path(repo_id_or_path).expanduser())
    if local is not None:
        return _read_local(local)
    name = repo_id_of(str(repo_id_or_path))
    if name.startswith((".", "~", "/")) or name.endswith(".md") or "\\" in name:
        raise CourseError(
            f"There is no file {name!r} here, and a repo id is not written like that."
        )
    return _read_from_hub(name)


def _local_card(path: Path) -> Path | None:
    try:
        if path.is_file():
            return path
        return path / CARD if (path / CARD).is_file() else None
    except (OSError, ValueError):  # a name that no file can have
        return None


def _read_local(path: Path) -> CardReport:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_CARD)
        files = [one.relative_to(path.parent).as_posix() for one in path.parent.iterdir()]
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror or error}.") from error
    is_repo = any(name == "config.json" or _weights_of([name])[1] for name in files)
    config = _config_of(path.parent) if "config.json" in files else {}
    card = read_card_text(decoded(content))
    return _report(
        subject=str(path),
        card=card,
        has_card=True,
        lineage=base_models(card.metadata),
        files=files if is_repo else None,
        config=config,
        tags=(),
    )


def _config_of(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _read_from_hub(repo_id: str) -> CardReport:
    info = model_info(repo_id)
    files = [one.rfilename for one in info.siblings or ()]
    content = read_text(info.id, CARD) if CARD in files else None
    card = read_card_text(content or "")
    metadata = info.card_data.to_dict() if info.card_data else card.metadata
    names, notes = [], []
    for ancestor in ancestors(info.id, metadata):
        names.append(ancestor.name)
        if ancestor.info is None:
            notes.append(f"base model {ancestor.name}: {ancestor.problem}")
    return _report(
        subject=info.id,
        card=card,
        has_card=content is not None,
        lineage=tuple(names),
        files=files,
        config=info.config if isinstance(info.config, dict) else {},
        tags=tuple(info.tags or ()),
        task=info.pipeline_tag,
        notes=notes,
    )


def _report(
    subject: str,
    card: CardText,
    has_card: bool,
    lineage: tuple[str, ...],
    files: list[str] | None,
    config: Mapping[str, Any],
    tags: tuple[str, ...],
    task: str | None = None,
    notes: Iterable[str] = (),
) -> CardReport:
    weights, weight_files = (None, ()) if files is None else _weights_of(files)
    code, code_files, code_notes = _remote_code(card, files, config, tags)
    limits = _limits(card)
    return CardReport(
        subject=subject,
        has_card=has_card,
        what_it_does=_what_it_does(card),
        inputs_outputs=_inputs_outputs(card),
        intended_use=_intended_use(card, limits),
        limits=limits,
        how_to_load=_how_to_load(card),
        training_data=_training_data(card),
        languages=_languages(card),
        base_models=lineage or _base_models_in_text(card),
        task=task or _word(card.metadata.get("pipeline_tag")),
        weights=weights,
        weight_files=weight_files,
        remote_code=code,
        code_files=code_files,
        problem=card.problem,
        notes=(*notes, *code_notes),
    )


# --- Answers -------------------------------------------------------------------------------------


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


def _what_it_does(card: CardText) -> Answer:
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


def _inputs_outputs(card: CardText) -> Answer:
    found = _first([*_headed(card, "inputs_outputs"), *_labelled(card, "inputs_outputs")])
    return found if found.found else _saying(card, SAYS_IN_AND_OUT)


def _limits(card: CardText) -> Answer:
    found = _first(card.about("limits"))
    if found.found:
        return found
    for passage in card.about("intended_use"):
        if NOT_FOR.search(passage.text):
            return _answer(passage)
    answer = _saying(card, SAYS_FOR_WHAT)
    return answer if NOT_FOR.search(answer.text) else NOT_SAID


def _intended_use(card: CardText, limits: Answer) -> Answer:
    found = _first(card.about("intended_use"))
    if found.found:
        return found
    said = _saying(card, SAYS_FOR_WHAT)
    return said if said.found and not limits.heading else limits


def _how_to_load(card: CardText) -> Answer:
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


def _training_data(card: CardText) -> Answer:
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


def _languages(card: CardText) -> tuple[str, ...]:
    named = card.metadata.get("language", card.metadata.get("languages"))
    listed = named if isinstance(named, list) else [named]
    # YAML reads the code of Norwegian, no, as false.
    words = ["no" if one is False else _word(one) for one in listed]
    found = tuple(dict.fromkeys(word for word in words if word))
    if found:
        return found
    passages = card.about("languages")
    return (" ".join(passages[0].text.split()),) if passages else ()


def _base_models_in_text(card: CardText) -> tuple[str, ...]:
    for passage in card.about("base_model"):
        found = re.search(r"[\w.-]+/[\w.-]*\w", passage.text)
        if found:
            return (found[0],)
    for _, block in _prose(card):
        found = SAYS_BASE.search(block.text)
        if found:
            return (found["id"],)
    return ()


def _word(value: Any) -> str | None:
    return str(value) if isinstance(value, (str, int, float)) and str(value).strip() else None


# --- Files ---------------------------------------------------------------------------------------


def _weights_of(files: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """What the weights are stored as, and the files that hold them."""
    names = [name for name in files if not NOT_WEIGHTS.fullmatch(name)]
    kinds = {
        "safetensors": [name for name in names if SAFETENSORS.fullmatch(name)],
        "pickle": [name for name in names if PICKLE.fullmatch(name)],
        "other": [name for name in names if OTHER_WEIGHTS.fullmatch(name)],
    }
    found = tuple(name for listed in kinds.values() for name in listed)
    main = [kind for kind in ("safetensors", "pickle") if kinds[kind]]
    return " and ".join(main) or ("other" if found else "none"), found


def _remote_code(
    card: CardText, files: list[str] | None, config: Mapping[str, Any], tags: tuple[str, ...]
) -> tuple[bool | None, tuple[str, ...], list[str]]:
    """Whether loading runs Python files of the repo; those files; what does not fit."""
    if files is None:
        return None, (), []
    python = tuple(name for name in files if name.endswith(".py"))
    needed = "auto_map" in config or "custom_code" in tags
    asked = any("trust_remote_code=True" in passage.code for passage in card.passages)
    notes = []
    if asked and not needed and not python:
        notes.append("the card says trust_remote_code=True, yet the repo holds no code: do without")
    if python and not needed:
        notes.append(f"{', '.join(python[:4])}: Python files that transformers does not run")
    return needed, python if needed else (), notes
