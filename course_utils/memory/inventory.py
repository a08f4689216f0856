"""What a model consists of, gathered in full from transformers' own classes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from course_utils.course_error import CourseError
from course_utils.memory.kv_cache import Cache, observed_cache
from course_utils.memory.skeleton import build, config_of, model_class, tensors_of
from course_utils.memory.stored import StoredModel
from course_utils.memory.weights import Tensor, count_parameters

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

    from course_utils.memory.stored import StoredTensor

FULL_DTYPE = "float32"  # what transformers takes where neither config nor checkpoint names a dtype
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
EXPERTS_USED = ("num_experts_per_tok", "experts_per_token", "top_k_experts", "moe_topk", "moe_k")
SKELETONS_KEPT = 32


@dataclass(frozen=True)
class Sizes:
    """What activations are computed from; 0 where a config does not say."""

    width: int = 0
    inner: int = 0
    vocabulary: int = 0
    positions: int = 0


@dataclass(frozen=True)
class Inventory:
    """``tensors`` load in ``dtype``; ``basis`` is "exact" or "stored", as in ``MemoryEstimate``.

    ``experts`` is how many there are and how many a token uses. ``quantization`` is how the
    checkpoint is quantized by bitsandbytes already. ``weights`` overrules the tensors' sum.
    """

    name: str
    dtype: str
    tensors: tuple[Tensor, ...]
    cache: Cache
    sizes: Sizes
    experts: tuple[int, int] | None = None
    basis: str = "exact"
    quantization: str | None = None
    weights: int | None = None
    stored: int | None = None
    stored_as: str | None = None
    notes: tuple[str, ...] = ()


def of_stored(stored: StoredModel, dtype: str | None) -> Inventory:
    """Of a repo or folder: its config decides, its headers are held against it.

    Raises:
        CannotTell: transformers cannot build such a model, here or at all.
        CourseError: config and headers contradict each other.
    """
    config = config_of(stored.name, stored.config)
    found = of_config(stored.name, config, dtype, _first_floating(stored.tensors))
    check_sizes(stored, found)
    return replace(found, stored=stored.stored_bytes, stored_as=stored.stored_as)


def of_config(
    name: str,
    config: PreTrainedConfig,
    dtype: str | None,
    stored_dtype: str | None = None,
    cls: type[PreTrainedModel] | None = None,
) -> Inventory:
    """Of a config alone; ``stored_dtype`` is what its checkpoint holds, where one is at hand."""
    cls = cls or model_class(config)
    notes = []
    named = getattr(config, "dtype", None)
    loads_in = dtype or str(named or stored_dtype or FULL_DTYPE).removeprefix("torch.")
    if not (dtype or named or stored_dtype):
        notes.append("its config names no dtype: float32 is assumed, unless the checkpoint differs")
    tensors, cache = _skeleton(name, _Key(config, cls), loads_in)
    return Inventory(
        name=name,
        dtype=loads_in,
        tensors=tensors,
        cache=cache,
        sizes=_sizes(config),
        experts=_experts(config),
        notes=tuple(notes),
    )


class _Key:
    """A config and a class, equal to others that say the same: the key of a built skeleton."""

    def __init__(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        self.config, self.cls = config, cls
        self.text = (cls, config.to_json_string(use_diff=False))

    def __hash__(self) -> int:
        return hash(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.text == other.text


@lru_cache(SKELETONS_KEPT)
def _skeleton(name: str, key: _Key, dtype: str) -> tuple[tuple[Tensor, ...], Cache]:
    config = copy.deepcopy(key.config)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = build(name, config, key.cls, dtype)
    cache = observed_cache(model)
    return tensors_of(model, dtype), cache


def _first_floating(tensors: Mapping[str, StoredTensor]) -> str | None:
    """The dtype that ``dtype="auto"`` finds in a checkpoint whose config names none."""
    return next(
        (tensors[name].dtype for name in sorted(tensors) if tensors[name].is_floating), None
    )


def _sizes(config: PreTrainedConfig) -> Sizes:
    text = config.get_text_config(decoder=True)

    def first(*names: str) -> int:
        found = (getattr(text, name, None) for name in names)
        return next((one for one in found if isinstance(one, int)), 0)

    width = first("hidden_size", "d_model", "dim")
    return Sizes(
        width=width,
        inner=first("intermediate_size", "d_ff", "n_inner", "hidden_dim", "ffn_dim") or 4 * width,
        vocabulary=first("vocab_size"),
        positions=first("max_position_embeddings", "n_positions"),
    )


def _experts(config: PreTrainedConfig) -> tuple[int, int] | None:
    text = config.get_text_config(decoder=True)
    for name in EXPERTS:
        for used in EXPERTS_USED:
            counts = getattr(text, name, None), getattr(text, used, None)
            if all(type(one) is int and one > 0 for one in counts):
                return counts
    return None


# --- Does the checkpoint hold what the config describes? -----------------------------------------

LEAST_SHARE = 0.9  # of the parameters; a checkpoint may leave out what is computed or trained anew


def check_sizes(stored: StoredModel, built: Inventory) -> None:
    """Holds a checkpoint's headers against the model that its config describes.

    Raises:
        CourseError: a tensor has another shape, or there are fewer than the config needs.
    """
    if stored.stored_as or not stored.tensors:
        return  # packed weights have shapes of their own
    for name, tensor in _same_names(built.tensors, stored.tensors):
        if tensor.values != stored.tensors[name].values:
            raise CourseError(
                f"{stored.name}: config.json and weights disagree. {name} should be "
                f"{_shape(tensor.shape)}, and is {_shape(stored.tensors[name].shape)}. "
                "One of the two files is of another model: tell the owner of the repo."
            )
    held = sum(tensor.values for tensor in stored.tensors.values())
    wanted = count_parameters(built.tensors)
    if held < LEAST_SHARE * wanted:
        raise CourseError(
            f"{stored.name}: config.json and weights disagree. The config describes {wanted:,} "
            f"parameters, and the files hold {held:,}."
        )


def _same_names(
    built: tuple[Tensor, ...], stored: Mapping[str, StoredTensor]
) -> Iterator[tuple[str, Tensor]]:
    """Tensors that the checkpoint calls as transformers does, with the base model's name or not."""
    for tensor in built:
        for name in (tensor.name, tensor.name.partition(".")[2]):
            if tensor.is_parameter and name in stored:
                yield name, tensor
                break


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{size:,}" for size in shape)
