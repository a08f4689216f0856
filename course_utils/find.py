"""``find_models``: the Hub filters by what it can, and the rest is filtered here, page by page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from course_utils.errors import CourseError, HubTrouble
from course_utils.fit.ways import all_ways, best_of
from course_utils.gpus import Device, Gpu, planned_for
from course_utils.hub.client import api, ask, is_described
from course_utils.licenses import known_licenses, license_kind
from course_utils.memory import read_checkpoint
from course_utils.memory.assumptions import CONTEXT
from course_utils.memory.headers import stored_bytes
from course_utils.report import TableReport
from course_utils.text import UNKNOWN, did_you_mean, known, nearest
from course_utils.units import in_count, in_gb

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo
    from pandas import DataFrame

SORTS = ("downloads", "likes", "created_at", "last_modified", "trending_score")
ASKED_FOR = ["downloads", "gated", "library_name", "likes", "pipeline_tag", "safetensors", "tags"]
LARGEST_LIMIT = 1000
LONGEST_TEXT = 200
LANGUAGE = re.compile(r"[a-z]{2,3}|multilingual")  # as the Hub spells them: ISO 639
MOST_READ = 3000  # entries; the Hub sends up to a thousand with each answer
MOST_SIZED = 60  # models whose ways to load are worked out, a few requests each
SECONDS = 20.0
NOT_THE_REPOS = {"bad token", "no network", "offline", "page", "rate limited", "slow"}


@dataclass(frozen=True)
class FoundModel:
    """One entry of the Hub's list. What the Hub does not say is None.

    ``gate`` is "open", "auto" or "manual"; ``downloads`` counts the last 30 days; ``stored_bytes``
    is what the safetensors files hold. ``described`` is True for a model of which the practice
    Hub knows facts and holds no weights. ``way`` is the least lossy way to load it where ``fits``
    was asked.
    """

    repo_id: str
    task: str | None
    library: str | None
    license: str | None
    license_kind: str
    gate: str
    parameters: int | None
    stored_bytes: int | None
    downloads: int | None
    likes: int | None
    described: bool = False
    way: str | None = None


COLUMNS: dict[str, Callable[[FoundModel], str]] = {
    "repo id": lambda model: model.repo_id,
    "task": lambda model: model.task or UNKNOWN,
    "license": lambda model: model.license or "none named",
    "kind": lambda model: model.license_kind,
    "gate": lambda model: model.gate,
    "parameters": lambda model: known(model.parameters, in_count),
    "stored": lambda model: known(model.stored_bytes, in_gb),
    "downloads/30 d": lambda model: known(model.downloads, "{:,}".format),
    "fits as": lambda model: model.way or UNKNOWN,
    "on this Hub": lambda model: "described" if model.described else "held",
}
DESCRIBED = (
    "described: facts of a date. The practice Hub holds no weights of it, so it cannot be "
    "downloaded here"
)


@dataclass(frozen=True, repr=False)
class Models(TableReport, Sequence[FoundModel]):
    """What ``find_models`` found, best first. ``read`` counts the entries that were looked at.

    ``same`` names columns that are not shown: what was asked for makes them the same in every row.
    """

    asked: str
    found: tuple[FoundModel, ...]
    read: int
    same: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __getitem__(self, place: Any) -> Any:
        return self.found[place]

    def __len__(self) -> int:
        return len(self.found)

    def title(self) -> str:
        count = {0: "No model", 1: "1 model"}.get(len(self), f"{len(self)} models")
        return f"{count}: {self.asked}"

    def columns(self) -> tuple[str, ...]:
        unsized = () if any(model.way for model in self.found) else ("fits as",)
        unmarked = () if any(model.described for model in self.found) else ("on this Hub",)
        return tuple(name for name in COLUMNS if name not in (*self.same, *unsized, *unmarked))

    def lines(self) -> Iterator[tuple[str, ...]]:
        for model in self.found:
            yield tuple(COLUMNS[name](model) for name in self.columns())

    def to_frame(self) -> DataFrame:
        """A pandas table, one row a model, with numbers in place of words."""
        from pandas import DataFrame

        names = [field.name for field in fields(FoundModel)]
        return DataFrame([vars(model) for model in self.found], columns=names)


def find_models(
    *,
    task: str | None = None,
    license: str | None = None,
    language: str | None = None,
    fits: str | int | Gpu | Device | None = None,
    gated: bool | None = None,
    search: str | None = None,
    author: str | None = None,
    sort: str = "downloads",
    limit: int = 10,
) -> Models:
    """Models on the Hub in use that meet every condition, best first.

    Args:
        task: as the Hub spells it: "text-generation".
        license: an identifier ("apache-2.0"), or a kind ("permissive").
        language: a code ("de") that the card's metadata must name. Cards often name less than the
            model knows.
        fits: a GPU's name, or bytes, where some way to load the model must fit, with a context of
            2,048 tokens.
        gated: True for gated models only, False for open ones only.
        search: a part of the repo id.
        author: the owner, left of the slash in a repo id.
        sort: "downloads" (of the last 30 days), "likes", "created_at", "last_modified" or
            "trending_score".
        limit: how many at most, from 1 to 1000.

    Raises:
        CourseError: a condition is not understood, or the Hub gives no answer.
    """
    texts = {
        "task": task,
        "author": author,
        "search": search,
        "license": license,
        "language": language,
    }
    for name, value in texts.items():
        _check_text(name, value)
    if language is not None and not LANGUAGE.fullmatch(language):
        raise CourseError(
            f'language is a code of two or three letters, such as "de"; not {language[:80]!r}.'
        )
    if gated not in (None, True, False):
        raise CourseError(f"gated is True, False or None; not {gated!r}.")
    if sort not in SORTS:
        raise CourseError(f"sort is one of {', '.join(SORTS)}; not {sort!r}.")
    if type(limit) is not int or not 1 <= limit <= LARGEST_LIMIT:
        raise CourseError(f"limit is a number from 1 to {LARGEST_LIMIT}; not {limit!r}.")
    target = None if fits is None else planned_for(fits)
    identifier, kind = _license(license)

    tags = [identifier and f"license:{identifier}", language]
    for_the_hub = {
        "pipeline_tag": task,
        "author": author,
        "search": search,
        "gated": gated,
        "filter": [tag for tag in tags if tag] or None,
    }
    given = {name: value for name, value in for_the_hub.items() if value is not None}
    whole_list = kind is not None or target is not None
    entries = ask(
        _read_list,
        {**given, "sort": sort, "limit": MOST_READ if whole_list else limit},
        about="the list of models",
        seconds=SECONDS,
    )
    kept = [model for model in entries if kind is None or model.license_kind == kind]
    notes: list[str] = []
    if target is not None:
        kept, notes = _that_fit(kept, target, limit)
    found = tuple(kept[:limit])
    if any(model.described for model in found):
        notes.append(DESCRIBED)
    if len(found) < limit and whole_list and len(entries) == MOST_READ:
        notes.append(f"only the first {MOST_READ:,} of the list were looked at: narrow it down")
    if not entries:
        notes.append("The Hub knows no such combination. It does not complain about misspellings")
    words = [f"{name} {value}" for name, value in texts.items() if value is not None]
    words += [] if gated is None else ["gated" if gated else "not gated"]
    words += [] if target is None else [f"fits {target.name}"]
    asked = ", ".join([*words, f"by {sort}"])
    same = {"task": task, "kind": kind, "license": identifier}
    return Models(
        asked=asked,
        found=found,
        read=len(entries),
        same=tuple(name for name, value in same.items() if value is not None),
        notes=tuple(notes),
    )


def _check_text(name: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
        raise CourseError(
            f"{name} is text of 1 to {LONGEST_TEXT} characters, or None; not {str(value)[:80]!r}."
        )


def _license(wanted: str | None) -> tuple[str | None, str | None]:
    """(identifier, None) or (None, kind): the Hub filters by the one, this module by the other."""
    if wanted is None:
        return None, None
    kinds_by_id = {entry.id: entry.kind for entry in known_licenses().values()}
    spelled = wanted.strip().lower()
    if spelled in kinds_by_id:
        return spelled, None
    kinds = sorted(set(kinds_by_id.values()))
    if spelled in kinds:
        return None, spelled
    guess = did_you_mean(nearest(spelled, kinds_by_id, most=3))
    raise CourseError(
        f"{wanted[:80]!r} is no license identifier of the Hub and no kind of license.{guess} "
        f"Kinds: {', '.join(kinds)}."
    )


def _read_list(question: dict[str, Any]) -> list[FoundModel]:
    listed: Any = api().list_models
    entries = listed(**question, expand=ASKED_FOR)
    return [_found(info) for info in islice(entries, question["limit"])]


def _found(info: ModelInfo) -> FoundModel:
    tags = info.tags or []
    licenses = [tag.removeprefix("license:") for tag in tags if tag.startswith("license:")]
    stored = info.safetensors
    return FoundModel(
        repo_id=info.id,
        task=info.pipeline_tag,
        library=info.library_name,
        license=", ".join(licenses) or None,
        license_kind=license_kind(licenses[0] if len(licenses) == 1 else None),
        gate=info.gated or "open",
        parameters=stored.total if stored else None,
        stored_bytes=stored_bytes(stored.parameters) if stored else None,
        downloads=info.downloads,
        likes=info.likes,
        described=is_described(info),
    )


def _that_fit(
    models: list[FoundModel], target: Gpu | Device, limit: int
) -> tuple[list[FoundModel], list[str]]:
    """The first models that fit onto the device in some way, and notes on what was left out."""
    found: list[FoundModel] = []
    sized, left_out = 0, 0
    for model in models:
        if len(found) == limit or sized == MOST_SIZED:
            break
        if model.parameters and model.parameters // 2 > target.memory:
            continue  # not even with four bits for each
        sized += 1
        try:
            ways, as_stored = all_ways(read_checkpoint(model.repo_id), target, CONTEXT, batch=1)
            way = best_of(ways)
        except CourseError as error:
            if isinstance(error, HubTrouble) and error.problem in NOT_THE_REPOS:
                raise
            left_out += 1
            continue
        except Exception:  # one odd repo of a stranger's must not end a search
            left_out += 1
            continue
        if not as_stored.loadable:
            left_out += 1
        elif way:
            found.append(replace(model, way=way.way))
    notes = []
    if left_out:
        notes.append(
            f"{left_out} could not be sized, or are nothing that from_pretrained loads: left out"
        )
    if sized == MOST_SIZED and len(found) < limit:
        notes.append(f"only the first {MOST_SIZED} that could fit were sized: narrow it down")
    return found, notes
