"""What a model consists of, gathered in full: from transformers' own classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from course_utils.errors import CannotTell, CourseError
from course_utils.memory.checkpoint import FLOATS, Checkpoint
from course_utils.memory.cut_matrices import kept_beside
from course_utils.memory.inventory import (
    FULL_DTYPE,
    Inventory,
    attention_of,
    experts_of,
    sizes_of,
    vision_notes,
)
from course_utils.memory.meta_model import (
    checked_quantization,
    config_of,
    in_a_line,
    is_read,
    model_class,
    unpacked_here,
)
from course_utils.memory.packing import (
    FP8,
    PACKINGS,
    Packing,
    foreign_dtypes,
    in_digits,
    method_of,
    packing_of,
    told_by_names,
)
from course_utils.memory.quantization import BITSANDBYTES, QUANTIZATIONS, name_in, name_of
from course_utils.memory.skeleton import packed_tensors, plan_of, skeleton
from course_utils.memory.tied_weights import are_the_same
from course_utils.memory.weights import ITEM_BYTES, Tensor, count_parameters, weight_bytes
from course_utils.units import in_gb

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

NO_DTYPE = "its config names no dtype: float32, unless its checkpoint holds another"


def by_transformers(
    checkpoint: Checkpoint, dtype: str | None, stays: bool | None = None
) -> Inventory:
    """What the config describes, held against the headers where there are any.

    Args:
        checkpoint: a repo, folder or config; of a loaded model, its class and config.
        dtype: None for what the checkpoint would load in; for a loaded model, what it is in.
        stays: whether a packed checkpoint stays packed on the GPU asked about (see
            ``packing.stays_packed``); None: as transformers decides on this machine.

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
    config = given or checkpoint.once(
        "config", lambda: config_of(checkpoint.name, checkpoint.config)
    )
    found = _of_config(checkpoint, config, dtype, stays)
    if found.stored_as or not checkpoint.tensors:
        return found  # packed weights have shapes of their own
    check_sizes(checkpoint, found)
    kept = checkpoint.once(
        "kept beside",
        lambda: kept_beside(checkpoint.name, config, model_class(config), checkpoint.tensors),
    )
    if kept:
        tensors = (replace(one, kept_beside=kept.get(one.name, 0)) for one in found.tensors)
        found = replace(found, tensors=tuple(tensors))
    return _with_untied(checkpoint, found)


def _of_config(
    checkpoint: Checkpoint, config: PreTrainedConfig, dtype: str | None, stays: bool | None
) -> Inventory:
    named = getattr(config, "dtype", None) or checkpoint.found_dtype
    as_stored = str(named or FULL_DTYPE).removeprefix("torch.")
    if dtype is None and as_stored not in FLOATS:
        raise CannotTell(
            checkpoint.name,
            f"its weights are {as_stored}, which no model is built in, and its config names no "
            'other: from_pretrained raises TypeError or ValueError. Name one: dtype="bfloat16".',
        )
    packed_by, cls = checked_quantization(checkpoint.name, config), model_class(config)
    told = told_by_names(checkpoint.tensors)
    read = packed_by is not None and is_read(packed_by)
    by_bitsandbytes = read and method_of(packed_by) == BITSANDBYTES
    if by_bitsandbytes and (told or not checkpoint.tensors):
        assert packed_by is not None
        return _by_bitsandbytes(checkpoint, config, cls, packed_by, dtype or as_stored)
    found = _built(checkpoint, config, cls, None, dtype or as_stored)
    if not named and not dtype:
        found = replace(found, notes=(*found.notes, NO_DTYPE))
    packing = packing_of(packed_by, checkpoint.tensors, checkpoint.files)
    foreign = foreign_dtypes(checkpoint.tensors.values())
    if packing is None and foreign:
        packing = Packing(foreign, loader="another library")
    if packing is None:
        return _with_odd_dtypes(checkpoint, found)
    if checkpoint.tensors and not told and not foreign and (by_bitsandbytes or not read):
        note = f"its config names {packing.method}, but its tensors are not packed: they load whole"
        return replace(found, notes=(*found.notes, note))
    if not read:
        return _foreign(checkpoint, found, packing, is_named=packed_by is not None)
    assert packed_by is not None
    return _packed(replace(found, stored_as=packing.method), config, cls, packed_by, packing, stays)


def _by_bitsandbytes(
    checkpoint: Checkpoint,
    config: PreTrainedConfig,
    cls: type[PreTrainedModel],
    packed_by: Mapping[str, Any],
    dtype: str,
) -> Inventory:
    """Its tensors say what was packed, and how; a config alone is believed."""
    found = _built(checkpoint, config, cls, packed_by, dtype)
    name = name_in(checkpoint.tensors) or name_of(packed_by)
    if name not in QUANTIZATIONS:
        raise CannotTell(checkpoint.name, f"its config names {name}, which bitsandbytes has not.")

    def is_packed(tensor: Tensor) -> bool:
        stored = checkpoint.tensor(tensor.name)
        return stored is None or stored.values != tensor.values or stored.dtype == "int8"

    tensors = tuple(
        replace(one, quantizable=one.quantizable and is_packed(one)) for one in found.tensors
    )
    return replace(found, tensors=tensors, quantization=name, stored_as=BITSANDBYTES)


def _with_odd_dtypes(checkpoint: Checkpoint, found: Inventory) -> Inventory:
    """What is stored in 8 bits or whole numbers without scales becomes floats, digit by digit."""
    held = {one.dtype for one in checkpoint.tensors.values() if len(one.shape) > 1}
    odd = ", ".join(sorted(held - set(FLOATS) - {"bool"}))
    if not odd or found.stored is None:
        return found
    note = f"stored as {odd}, {in_gb(found.stored)}; without scales, and loaded in {found.dtype}"
    return replace(found, notes=(*found.notes, note))


def _foreign(
    checkpoint: Checkpoint, found: Inventory, packing: Packing, is_named: bool
) -> Inventory:
    """Packed in a way that ``from_pretrained`` does not see: by its size, and who loads it."""
    on_disk = f"stored as {packing.method}"
    loader = packing.loader
    if not packing.by_transformers:
        why = "transformers does not know that" if is_named else "transformers does not read that"
    elif packing.method in PACKINGS:
        why, loader = "its config.json does not say so", "its own library"
    hint = f"{loader} loads it" + (f" ({packing.needs})" if packing.needs else "")
    note = f"{on_disk}: {why}, and from_pretrained raises or fills in random weights. {hint}"
    if found.stored is None:
        raise CannotTell(
            checkpoint.name, f"{note}. No checkpoint is at hand whose size would tell."
        )
    return replace(
        found,
        basis="stored",
        weights=found.stored,
        stored_as=packing.method,
        loadable=False,
        notes=(*found.notes, note),
    )


def _built(
    checkpoint: Checkpoint,
    config: PreTrainedConfig,
    cls: type[PreTrainedModel],
    packed_by: Mapping[str, Any] | None,
    dtype: str,
) -> Inventory:
    built = skeleton(plan_of(checkpoint.name, config, cls, packed_by, dtype))
    text = config.get_text_config(decoder=True)
    return Inventory(
        name=checkpoint.name,
        dtype=dtype,
        tensors=built.tensors,
        cache=built.cache,
        sizes=sizes_of(text, built.tensors),
        attention=attention_of(text, built.kernel),
        experts=experts_of(text),
        ties=built.ties,
        notes=tuple(vision_notes(config, ITEM_BYTES[dtype])),
        stored=checkpoint.stored_bytes,
    )


def _packed(
    found: Inventory,
    config: PreTrainedConfig,
    cls: type[PreTrainedModel],
    packed_by: Mapping[str, Any],
    packing: Packing,
    stays: bool | None,
) -> Inventory:
    """As it will lie in memory on the GPU asked about: packed, unpacked, or not at all."""
    on_disk = f"stored as {found.stored_as}" + (f", {in_gb(found.stored)}" if found.stored else "")
    least = in_digits(packing.capability) if packing.capability else ""
    where, refusal = f"Packed on GPUs of compute capability {least} or newer; on others", ""
    if stays is None:
        where, (stays, refusal) = "On this device", _on_this_machine(packed_by)
    if not stays and packing.unpacks:
        note = f"{on_disk}. {where} transformers unpacks it to {found.dtype} while loading"
        return replace(found, unpacked=True, notes=(*found.notes, note))
    needs = f" ({packing.needs})" if packing.needs else ""
    if not stays:
        note = f"{on_disk}. transformers refuses it below compute capability {least} (ValueError)"
    elif refusal:
        note = f"{on_disk}. It cannot be loaded here: {refusal}"
    else:
        note = f"{on_disk}, and it stays so{needs}"
    found = replace(found, loadable=stays, notes=(*found.notes, note))
    if packing.method == FP8:
        tensors = packed_tensors(plan_of(found.name, config, cls, packed_by, found.dtype))
        return replace(found, weights=weight_bytes(tensors))
    if found.stored is None:
        raise CannotTell(found.name, f"{note}. No checkpoint is at hand whose size would tell.")
    return replace(found, basis="stored", weights=found.stored)


def _on_this_machine(packed_by: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether it stays packed here, and why it cannot be loaded, where it cannot."""
    try:
        return not unpacked_here(packed_by), ""
    except Exception as error:  # each method refuses in its own way, mostly for a missing library
        return True, in_a_line(error)


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
