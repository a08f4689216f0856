"""What a model consists of, gathered in full: from transformers' own classes."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from course_utils.errors import CannotTell, CourseError
from course_utils.memory.checkpoint import Checkpoint
from course_utils.memory.inventory import (
    FULL_DTYPE,
    Inventory,
    attention_of,
    experts_of,
    quantized_by,
    sizes_of,
)
from course_utils.memory.kv_cache import Cache, observed_cache
from course_utils.memory.meta_model import (
    build,
    config_of,
    in_a_line,
    model_class,
    tensors_of,
    unpacked_here,
)
from course_utils.memory.quantization import BITSANDBYTES, method_of, name_of
from course_utils.memory.tied_weights import are_the_same
from course_utils.memory.weights import ITEM_BYTES, Tensor, count_parameters
from course_utils.units import in_gb

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

NO_DTYPE = "its config names no dtype: float32, unless its checkpoint holds another"
SKELETONS_KEPT = 32


def by_transformers(checkpoint: Checkpoint, dtype: str | None) -> Inventory:
    """What the config describes, held against the headers where there are any.

    Args:
        checkpoint: a repo, folder or config; of a loaded model, its class and config.
        dtype: None for what the checkpoint would load in; for a loaded model, what it is in.

    Raises:
        CannotTell: transformers cannot build such a model, here or at all.
        CourseError: config and headers contradict each other.
    """
    loaded = checkpoint.loaded
    if loaded is not None:
        cls = type(loaded) if hasattr(loaded, "_from_config") else model_class(loaded.config)
        in_memory = str(loaded.dtype).removeprefix("torch.")
        return _built(checkpoint, loaded.config, cls, None, dtype or in_memory)
    given: Any = checkpoint.given
    config = given or config_of(checkpoint.name, checkpoint.config)
    found = _of_config(checkpoint, config, dtype)
    if found.stored_as or not checkpoint.tensors:
        return found  # packed weights have shapes of their own
    check_sizes(checkpoint, found)
    return _with_untied(checkpoint, found)


def _of_config(checkpoint: Checkpoint, config: PreTrainedConfig, dtype: str | None) -> Inventory:
    named = getattr(config, "dtype", None) or checkpoint.first_floating
    as_stored = str(named or FULL_DTYPE).removeprefix("torch.")
    packed_by, cls = quantized_by(config), model_class(config)
    found = _built(checkpoint, config, cls, packed_by, dtype or as_stored)
    if not named and not dtype:
        found = replace(found, notes=(NO_DTYPE,))
    if packed_by is None:
        return found
    found = _packed(found, packed_by)
    if dtype and ITEM_BYTES[dtype] != ITEM_BYTES[as_stored] and found.weights is None:
        other = _built(checkpoint, config, cls, packed_by, as_stored)
        note = f"what is not packed stays in {as_stored}: how much, the config does not say"
        between = found.tensors, other.tensors
        found = replace(found, tensors_between=between, notes=(*found.notes, note))
    return found


def _built(
    checkpoint: Checkpoint,
    config: PreTrainedConfig,
    cls: type[PreTrainedModel],
    packed_by: Mapping[str, Any] | None,
    dtype: str,
) -> Inventory:
    by_bitsandbytes = packed_by if method_of(packed_by) == BITSANDBYTES else None
    key = _Key(config, cls, by_bitsandbytes)
    tensors, cache, ties, kernel = _skeleton(checkpoint.name, key, dtype)
    text = config.get_text_config(decoder=True)
    return Inventory(
        name=checkpoint.name,
        dtype=dtype,
        tensors=tensors,
        cache=cache,
        sizes=sizes_of(text),
        attention=attention_of(text, kernel),
        experts=experts_of(text),
        ties=ties,
        stored=checkpoint.stored_bytes,
        stored_as=method_of(packed_by),
    )


def _packed(found: Inventory, packed_by: Mapping[str, Any]) -> Inventory:
    if found.stored_as == BITSANDBYTES:
        return replace(found, quantization=name_of(packed_by))
    unpacked, note = _becomes(packed_by, found)
    found = replace(found, notes=(*found.notes, note))
    if unpacked:
        return found
    if found.stored is None:
        raise CannotTell(found.name, f"{note}. No checkpoint is at hand whose size would tell.")
    return replace(found, basis="stored", weights=found.stored)


def _becomes(packed_by: Mapping[str, Any], found: Inventory) -> tuple[bool, str]:
    """Whether a packed checkpoint is unpacked when it is loaded here, and a sentence on it.

    transformers unpacks fp8 and MXFP4 to 16 bits where the device or a library cannot work with
    them.
    """
    on_disk = f"stored as {found.stored_as}" + (f", {in_gb(found.stored)}" if found.stored else "")
    try:
        unpacked = unpacked_here(packed_by)
    except Exception as error:  # each method refuses in its own way, mostly for a missing library
        return False, f"{on_disk}. It cannot be loaded here: {in_a_line(error)}"
    if unpacked:
        return (
            True,
            f"{on_disk}. On this device transformers unpacks it to {found.dtype} while loading",
        )
    return False, f"{on_disk}, and it stays so on this device"


class _Key:
    """What a skeleton is built of; equal to others that say the same."""

    def __init__(
        self,
        config: PreTrainedConfig,
        cls: type[PreTrainedModel],
        packed_by: Mapping[str, Any] | None,
    ) -> None:
        self.config, self.cls, self.packed_by = config, cls, packed_by
        kernel = config.get_text_config(decoder=True)._attn_implementation
        self.text = (cls, kernel, config.to_json_string(use_diff=False))

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.text == other.text


@lru_cache(SKELETONS_KEPT)
def _skeleton(
    name: str, key: _Key, dtype: str
) -> tuple[tuple[Tensor, ...], Cache, Mapping[str, str], str]:
    config = copy.deepcopy(key.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = build(name, config, key.cls, dtype)
    kernel = str(model.config.get_text_config(decoder=True)._attn_implementation)
    tensors, ties = tensors_of(model, dtype, key.packed_by)
    return tensors, observed_cache(build(name, config, key.cls, dtype)), ties, kernel


# --- Does the checkpoint hold what the config describes? -----------------------------------------

LEAST_SHARE = 0.5  # of the parameters; a checkpoint leaves out what is computed or trained anew
NUMBERED = re.compile(r"(.*?\.)(\d+)\.")


def check_sizes(checkpoint: Checkpoint, built: Inventory) -> None:
    """Holds a checkpoint's headers against the model that its config describes.

    Raises:
        CourseError: a tensor has another shape, layers are missing, or most of it is.
    """
    for tensor in built.tensors:
        found = checkpoint.tensor(tensor.name) if tensor.is_parameter else None
        if found and found.values != tensor.values:
            reason = f"should be {_shape(tensor.shape)}, and is {_shape(found.shape)}"
            raise _disagreement(checkpoint, f"{tensor.name} {reason}")
    held = _layers(checkpoint.tensors)
    for prefix, count in _layers(tensor.name for tensor in built.tensors).items():
        there = held.get(prefix) or held.get(prefix.partition(".")[2], count)
        if there < count:
            raise _disagreement(
                checkpoint, f"there should be {count} of {prefix}N, and are {there}"
            )
    values = sum(tensor.values for tensor in checkpoint.tensors.values())
    wanted = count_parameters(built.tensors)
    if values < LEAST_SHARE * wanted:
        raise _disagreement(checkpoint, f"there should be {wanted:,} values, and are {values:,}")


def _layers(names: Iterable[str]) -> dict[str, int]:
    """How many layers are numbered after each prefix: {"model.layers.": 32}."""
    found: dict[str, int] = {}
    for match in filter(None, map(NUMBERED.match, names)):
        found[match[1]] = max(found.get(match[1], 0), int(match[2]) + 1)
    return found


def _disagreement(checkpoint: Checkpoint, what: str) -> CourseError:
    return CourseError(
        f"{checkpoint.name}: config.json and weights disagree. By the config, {what}. One of the "
        "two belongs to another model: tell the owner of the repo."
    )


def _with_untied(checkpoint: Checkpoint, built: Inventory) -> Inventory:
    """Adds what a config ties and a checkpoint stores twice, where the two are not the same.

    transformers ties them only if they are.
    """
    notes, extra = [], []
    for follower, source in built.ties.items():
        one, other = checkpoint.tensor(follower), checkpoint.tensor(source)
        if one is None or other is None or one is other:
            continue
        same = are_the_same(checkpoint, one, other)
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
