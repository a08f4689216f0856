"""``read_card()``: what a model card says to the four questions, and what it does not say."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.cards import answers as card_answers
from course_utils.cards.answers import Answer
from course_utils.cards.languages import languages_of, word
from course_utils.cards.lineage import ancestors, bases_of
from course_utils.cards.markdown import CardText, read_card_text
from course_utils.errors import CourseError
from course_utils.hub.client import card_metadata, decoded, model_info, read_text
from course_utils.hub.repo_id import repo_id_of
from course_utils.report import Report

CARD = "README.md"
LARGEST_CARD = 2_000_000  # bytes

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
    "safetensors and pickle": "both are there, and transformers takes the safetensors",
    "code": (
        "trust_remote_code=True downloads Python files of this repo and runs them here, with all "
        "your rights: read them first and pin the commit with revision="
    ),
}


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
        return f"{self.weights}: {MEANINGS[str(self.weights)]}"


def read_card(repo_id_or_path: str | os.PathLike[str]) -> CardReport:
    """Read a model card: a repo's on the Hub in use, or a local README.md (or its folder).

    Where there is a file of that name, it is the one that is read. The card of a gated repo can be
    read too: it lies before the gate.

    Raises:
        CourseError: there is no such file or repo, or the Hub gave no answer in time.
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
        lineage=bases_of(str(path), card.metadata, card).names,
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
    metadata = card_metadata(info.card_data) or card.metadata
    bases = bases_of(info.id, metadata, card)
    names = []
    notes = [f"base_model names nothing that can be looked up: {odd}" for odd in bases.odd]
    for ancestor in ancestors(info.id, bases.names):
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
    limits = card_answers.limits(card)
    what_it_does = card_answers.what_it_does(card)
    return CardReport(
        subject=subject,
        has_card=has_card,
        what_it_does=what_it_does,
        inputs_outputs=card_answers.inputs_outputs(card),
        intended_use=card_answers.intended_use(card, limits),
        limits=limits,
        how_to_load=card_answers.how_to_load(card),
        training_data=card_answers.training_data(card),
        languages=languages_of(card, what_it_does.text),
        base_models=lineage,
        task=task or word(card.metadata.get("pipeline_tag")),
        weights=weights,
        weight_files=weight_files,
        remote_code=code,
        code_files=code_files,
        problem=card.problem,
        notes=(*notes, *code_notes),
    )


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
    """Whether loading runs Python files of the repo, which they are, and what does not fit."""
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
