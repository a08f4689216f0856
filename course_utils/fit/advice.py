"""Where nothing fits: a smaller sibling, a bigger GPU, a hosted API. In that order, with names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from course_utils.errors import CourseError
from course_utils.fit.code import PLACEHOLDER
from course_utils.fit.ways import (
    FITS,
    PLANNED_SHARE,
    SPILLS,
    Way,
    all_ways,
    best_of,
)
from course_utils.gpus import GPUS, Device, Gpu
from course_utils.hub.client import api, ask
from course_utils.memory import Checkpoint, MemoryEstimate, read_checkpoint
from course_utils.units import in_gib

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

TRIED = 4  # candidates whose memory is worked out before giving up
LISTED = 200
BITS_AT_LEAST = 4  # no way takes fewer bits a parameter than this


@dataclass(frozen=True)
class Alternative:
    """``remedy`` is "a smaller sibling", "a bigger GPU" or "a hosted API"; ``name`` says which."""

    remedy: str
    name: str
    text: str


def alternatives(
    checkpoint: Checkpoint, as_stored: MemoryEstimate, target: Gpu | Device
) -> tuple[Alternative, ...]:
    found = (
        _smaller_sibling(checkpoint, as_stored, target),
        _bigger_gpu(checkpoint, as_stored),
        _hosted(checkpoint),
    )
    return tuple(alternative for alternative in found if alternative)


def _smaller_sibling(
    checkpoint: Checkpoint, as_stored: MemoryEstimate, target: Gpu | Device
) -> Alternative | None:
    """The largest model of the same owner, or else of the same architecture, that fits."""
    if checkpoint.repo_id is None:
        return None
    remedy = "a smaller sibling"
    for search in _searches(checkpoint.repo_id, checkpoint):
        try:
            candidates = _candidates(checkpoint.repo_id, as_stored.parameters, target, search)
        except CourseError as error:
            return Alternative(remedy, "", f"could not be looked for. {error}")
        for repo_id in islice(candidates, TRIED):
            way = _best_way(repo_id, target, as_stored)
            if way:
                text = f"{repo_id} {way.verdict} in {way.way} ({in_gib(way.bytes)})"
                return Alternative(remedy, repo_id, text)
    return None


def _searches(repo_id: str, checkpoint: Checkpoint) -> Iterator[dict[str, Any]]:
    task = {"pipeline_tag": checkpoint.task} if checkpoint.task else {}
    yield {"author": repo_id.split("/")[0], **task}
    model_type = checkpoint.config.get("model_type")
    if model_type:
        yield {"filter": model_type, **task}


def _candidates(
    repo_id: str, parameters: int, target: Gpu | Device, search: dict[str, Any]
) -> Iterator[str]:
    """Smaller ones from the Hub's list that may fit: the same series first, the largest first."""
    largest = min(parameters - 1, target.memory * 8 // BITS_AT_LEAST)

    def read() -> list[ModelInfo]:
        return list(
            api().list_models(
                **search,
                num_parameters=f"max:{largest // 10**6}M",
                sort="downloads",
                limit=LISTED,
                expand=["safetensors", "library_name", "downloads"],
            )
        )

    ranked = [
        ((_series(info.id) == _series(repo_id), info.safetensors.total, info.downloads or 0), info)
        for info in ask(read, about="smaller siblings")
        if info.library_name == "transformers" and info.safetensors and info.id != repo_id
    ]
    ranked.sort(key=lambda pair: pair[0], reverse=True)
    return (info.id for _, info in ranked)


def _series(repo_id: str) -> str:
    """What stands before the size: "meta-llama/Llama-3.1-" of "meta-llama/Llama-3.1-70B"."""
    return re.split(r"\d+(?:\.\d+)?[bm]\b", repo_id.lower())[0]


def _best_way(repo_id: str, target: Gpu | Device, like: MemoryEstimate) -> Way | None:
    try:
        ways, _ = all_ways(read_checkpoint(repo_id), target, like.context, like.batch, like.prompt)
    except CourseError:  # one candidate that cannot be sized is no reason to stop
        return None
    return best_of(ways)


def _bigger_gpu(checkpoint: Checkpoint, as_stored: MemoryEstimate) -> Alternative:
    """The smallest GPU of the table that takes the model, and the smallest that takes it whole.

    Each GPU has ways of its own: what one unpacks or refuses, another keeps packed.
    """
    remedy, by_size = "a bigger GPU", sorted(GPUS.values(), key=lambda gpu: gpu.memory)

    def ways_on(gpu: Gpu) -> list[Way]:
        asked = as_stored.context, as_stored.batch, as_stored.prompt
        return [way for way in all_ways(checkpoint, gpu, *asked)[0] if way.chunk is None]

    fitting = ((gpu, way) for gpu in by_size for way in ways_on(gpu) if way.verdict == FITS)
    first = next(fitting, None)
    if first is None:
        largest = by_size[-1]
        least = min(way.high for way in ways_on(largest) if way.verdict != SPILLS)
        count = -(-least // int(PLANNED_SHARE * largest.memory))
        text = f'none alone; {count} × {largest.name} with device_map="auto"'
        return Alternative(remedy, largest.name, text)
    gpu, way = first
    text = f"{gpu.name} ({in_gib(gpu.memory)}) takes {way.way}"
    whole = next((pair for pair in chain([first], fitting) if pair[1].quantization is None), first)
    if whole[0] != gpu:
        text += f"; {whole[0].name} ({in_gib(whole[0].memory)}) takes {whole[1].dtype}"
    return Alternative(remedy, gpu.name, text)


def _hosted(checkpoint: Checkpoint) -> Alternative:
    name = checkpoint.repo_id or PLACEHOLDER
    text = f'huggingface_hub.InferenceClient("{name}") runs it on hardware that others own'
    return Alternative("a hosted API", name, text)
