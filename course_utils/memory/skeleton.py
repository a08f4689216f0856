"""A model's tensors, cache, ties and attention, as transformers builds it without memory.

That takes a moment, so each is built once, and what it showed is kept: in this process for the next
question, and on disk for the next kernel.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from course_utils.memory.kept_on_disk import kept_on_disk
from course_utils.memory.kv_cache import Cache, CacheLayer, observed_cache
from course_utils.memory.meta_model import QUANTIZATION, build, packed_tensors_of, tensors_of
from course_utils.memory.weights import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

KEPT = 64  # in this process


@dataclass(frozen=True)
class Skeleton:
    """``kernel`` is that of its attention; ``ties`` names parameters that are one tensor."""

    tensors: tuple[Tensor, ...]
    cache: Cache
    ties: Mapping[str, str]
    kernel: str


@dataclass(frozen=True)
class Plan:
    """What a skeleton is built of. Two are equal that say the same.

    ``packed_by`` is the ``quantization_config`` of a checkpoint that comes packed.
    """

    said: str
    name: str = field(compare=False)
    config: PreTrainedConfig = field(compare=False, repr=False)
    cls: type[PreTrainedModel]
    packed_by: Mapping[str, Any] | None = field(compare=False)
    dtype: str


def plan_of(
    name: str,
    config: PreTrainedConfig,
    cls: type[PreTrainedModel],
    packed_by: Mapping[str, Any] | None,
    dtype: str,
) -> Plan:
    """``name`` is what messages call the model."""
    fields = copy.copy(config)
    fields.name_or_path = ""  # where it was read does not matter
    kernel = config.get_text_config(decoder=True)._attn_implementation
    said = f"{kernel} {packed_by is None} {fields.to_json_string(use_diff=False)}"
    return Plan(said, name, config, cls, packed_by, dtype)


@lru_cache(KEPT)
def skeleton(plan: Plan) -> Skeleton:
    """The model as it is built before anything is packed, whatever its config says of that.

    Raises:
        CannotTell: transformers cannot build it.
    """
    return _kept("whole", plan, lambda: _whole(plan))


@lru_cache(KEPT)
def packed_tensors(plan: Plan) -> tuple[Tensor, ...]:
    """The tensors of the model as the quantizer of its checkpoint sets it up.

    Raises:
        CannotTell: transformers cannot build it.
    """
    return _kept("packed", plan, lambda: _packed(plan)).tensors


def _whole(plan: Plan) -> Skeleton:
    config = copy.deepcopy(plan.config)
    if hasattr(config, QUANTIZATION):
        delattr(config, QUANTIZATION)
    model = build(plan.name, config, plan.cls, plan.dtype)
    kernel = str(model.config.get_text_config(decoder=True)._attn_implementation)
    tensors, ties = tensors_of(model, plan.dtype, plan.packed_by)
    cache = observed_cache(build(plan.name, config, plan.cls, plan.dtype))
    return Skeleton(tensors, cache, ties, kernel)


def _packed(plan: Plan) -> Skeleton:
    model = build(plan.name, copy.deepcopy(plan.config), plan.cls, plan.dtype)
    return Skeleton(packed_tensors_of(model, plan.dtype, plan.packed_by or {}), Cache(), {}, "")


def _kept(how: str, plan: Plan, find: Callable[[], Skeleton]) -> Skeleton:
    """On disk only what transformers' own classes show: others may change without a new version."""
    cls = plan.cls
    if cls.__module__.partition(".")[0] != "transformers":
        return find()
    asked = f"{how} {cls.__module__}.{cls.__qualname__} {plan.dtype} {plan.said}"
    return kept_on_disk(asked, find, _as_json, _from_json)


def _as_json(found: Skeleton) -> dict[str, Any]:
    cache = found.cache
    return {
        "tensors": [astuple(one) for one in found.tensors],
        "layers": [astuple(one) for one in cache.layers],
        "states": [astuple(one) for one in cache.states],
        "notes": cache.notes,
        "ties": dict(found.ties),
        "kernel": found.kernel,
    }


def _from_json(kept: dict[str, Any]) -> Skeleton:
    layers, states = ([CacheLayer(*one) for one in kept[part]] for part in ("layers", "states"))
    return Skeleton(
        tensors=tuple(Tensor(name, tuple(shape), *rest) for name, shape, *rest in kept["tensors"]),
        cache=Cache(tuple(layers), tuple(states), tuple(kept["notes"])),
        ties=kept["ties"],
        kernel=kept["kernel"],
    )
