"""What a model consists of, gathered in full: from transformers' own classes."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from course_utils.errors import CannotTell, CourseError
from course_utils.memory.checkpoint import StoredModel
from course_utils.memory.inventory import FULL_DTYPE, Inventory, experts_of, sizes_of
from course_utils.memory.kv_cache import Cache, observed_cache
from course_utils.memory.meta_model import build, config_of, model_class, tensors_of
from course_utils.memory.packed import BITSANDBYTES, becomes, method_of, name_of, quantization_of
from course_utils.memory.twins import are_the_same
from course_utils.memory.weights import ITEM_BYTES, Tensor, count_parameters, weight_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

NO_DTYPE = "its config names no dtype: float32, unless its checkpoint holds another"
SKELETONS_KEPT = 32


def of_stored(stored: StoredModel, dtype: str | None) -> Inventory:
    """Of a repo or folder: its config decides, its headers are held against it.

    Raises:
        CannotTell: transformers cannot build such a model, here or at all.
        CourseError: config and headers contradict each other.
    """
    config = config_of(stored.name, stored.config)
    found = of_config(stored.name, config, dtype, stored=stored)
    if found.stored_as or not stored.tensors:
        return found  # packed weights have shapes of their own
    check_sizes(stored, found)
    return with_twins(stored, found)


def of_config(
    name: str,
    config: PreTrainedConfig,
    dtype: str | None,
    cls: type[PreTrainedModel] | None = None,
    stored: StoredModel | None = None,
) -> Inventory:
    """Of a config, in the dtype that its checkpoint would load in if none is asked for.

    Args:
        cls: the class of a model that is loaded already, whose quantization does not matter here.
        stored: its checkpoint, where one is at hand.
    """
    named = getattr(config, "dtype", None) or (stored.first_floating if stored else None)
    as_stored = str(named or FULL_DTYPE).removeprefix("torch.")
    quantized_by = None if cls else quantization_of(config)
    found = _built(name, config, cls or model_class(config), quantized_by, dtype or as_stored)
    if stored:
        found = replace(found, stored=stored.stored_bytes)
    if not named and not dtype:
        found = replace(found, notes=(NO_DTYPE,))
    if quantized_by is None:
        return found
    found = _packed(found, quantized_by)
    if dtype and ITEM_BYTES[dtype] != ITEM_BYTES[as_stored] and found.weights is None:
        other = _built(name, config, model_class(config), quantized_by, as_stored)
        ends = [weight_bytes(one.tensors, found.quantization) for one in (found, other)]
        note = f"what is not packed stays in {as_stored}: how much, the config does not say"
        ends = min(ends), max(ends)
        found = replace(found, basis="range", weights_range=ends, notes=(*found.notes, note))
    return found


def _built(
    name: str,
    config: PreTrainedConfig,
    cls: type[PreTrainedModel],
    quantized_by: Mapping[str, Any] | None,
    dtype: str,
) -> Inventory:
    by_bitsandbytes = quantized_by if method_of(quantized_by) == BITSANDBYTES else None
    tensors, cache, ties = _skeleton(name, _Key(config, cls, by_bitsandbytes), dtype)
    text = config.get_text_config(decoder=True)
    return Inventory(
        name=name,
        dtype=dtype,
        tensors=tensors,
        cache=cache,
        sizes=sizes_of(text),
        experts=experts_of(text),
        ties=ties,
        stored_as=method_of(quantized_by),
    )


def _packed(found: Inventory, quantized_by: Mapping[str, Any]) -> Inventory:
    if found.stored_as == BITSANDBYTES:
        return replace(found, quantization=name_of(quantized_by))
    unpacked, note = becomes(quantized_by, found.stored, found.dtype)
    found = replace(found, notes=(*found.notes, note))
    if unpacked:
        return found
    if found.stored is None:
        raise CannotTell(found.name, f"{note}. No checkpoint is at hand whose size would tell.")
    return replace(found, basis="stored", weights=found.stored)


class _Key:
    """What a skeleton is built of; equal to others that say the same."""

    def __init__(
        self,
        config: PreTrainedConfig,
        cls: type[PreTrainedModel],
        quantized_by: Mapping[str, Any] | None,
    ) -> None:
        self.config, self.cls, self.quantized_by = config, cls, quantized_by
        self.text = (cls, config.to_json_string(use_diff=False))

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.text == other.text


@lru_cache(SKELETONS_KEPT)
def _skeleton(
    name: str, key: _Key, dtype: str
) -> tuple[tuple[Tensor, ...], Cache, Mapping[str, str]]:
    config = copy.deepcopy(key.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    tensors, ties = tensors_of(build(name, config, key.cls, dtype), dtype, key.quantized_by)
    return tensors, observed_cache(build(name, config, key.cls, dtype)), ties


# --- Does the checkpoint hold what the config describes? -----------------------------------------

LEAST_SHARE = 0.5  # of the parameters; a checkpoint leaves out what is computed or trained anew
NUMBERED = re.compile(r"(.*?\.)(\d+)\.")


def check_sizes(stored: StoredModel, built: Inventory) -> None:
    """Holds a checkpoint's headers against the model that its config describes.

    Raises:
        CourseError: a tensor has another shape, layers are missing, or most of it is.
    """
    for tensor in built.tensors:
        found = stored.named(tensor.name) if tensor.is_parameter else None
        if found and found.values != tensor.values:
            reason = f"should be {_shape(tensor.shape)}, and is {_shape(found.shape)}"
            raise _disagreement(stored, f"{tensor.name} {reason}")
    held = _layers(stored.tensors)
    for prefix, count in _layers(tensor.name for tensor in built.tensors).items():
        there = held.get(prefix) or held.get(prefix.partition(".")[2], count)
        if there < count:
            raise _disagreement(stored, f"there should be {count} of {prefix}N, and are {there}")
    values = sum(tensor.values for tensor in stored.tensors.values())
    wanted = count_parameters(built.tensors)
    if values < LEAST_SHARE * wanted:
        raise _disagreement(stored, f"there should be {wanted:,} values, and are {values:,}")


def _layers(names: Iterable[str]) -> dict[str, int]:
    """How many layers are numbered after each prefix: {"model.layers.": 32}."""
    found: dict[str, int] = {}
    for match in filter(None, map(NUMBERED.match, names)):
        found[match[1]] = max(found.get(match[1], 0), int(match[2]) + 1)
    return found


def _disagreement(stored: StoredModel, what: str) -> CourseError:
    return CourseError(
        f"{stored.name}: config.json and weights disagree. By the config, {what}. One of the two "
        "belongs to another model: tell the owner of the repo."
    )


def with_twins(stored: StoredModel, built: Inventory) -> Inventory:
    """Adds what a config ties and a checkpoint stores twice, where the two are not the same.

    transformers ties them only if they are.
    """
    notes, extra = [], []
    for follower, source in built.ties.items():
        one, other = stored.named(follower), stored.named(source)
        if one is None or other is None or one is other:
            continue
        same = are_the_same(stored, one, other)
        if same is None:
            notes.append(
                f"{follower} is stored beside {source}, to which the config ties it. Counted once; "
                "if the two differ, transformers keeps both"
            )
        if same is False:
            extra.append(Tensor(follower, one.shape, built.dtype))
    return replace(
        built, tensors=(*built.tensors, *extra), notes=(*built.notes, *dict.fromkeys(notes))
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{size:,}" for size in shape) or "one value"
