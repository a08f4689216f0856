"""A cache that a model has filled: what its keys and values hold now, device by device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from course_utils.errors import CourseError

KEYS_AND_VALUES = ("keys", "values", "_quantized_keys", "_quantized_values")
HALVES = ("self_attention_cache", "cross_attention_cache")  # of an encoder with a decoder


@dataclass(frozen=True)
class LiveCache:
    """Bytes of storage by device, each storage once; ``states`` is what is no key and no value.

    ``tokens`` is how many of each sequence have gone through.
    """

    keys_and_values: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    tokens: int = 0

    @property
    def by_device(self) -> dict[str, int]:
        places = dict.fromkeys((*self.keys_and_values, *self.states))
        return {
            place: self.keys_and_values.get(place, 0) + self.states.get(place, 0)
            for place in places
        }


def measure_cache(cache: Any) -> LiveCache:
    """What a cache of transformers holds at this moment.

    Raises:
        CourseError: it is none.
    """
    if not hasattr(cache, "get_seq_length"):
        raise CourseError(
            f"A cache of transformers is wanted, not {type(cache).__name__}: "
            "make one with transformers.DynamicCache() and give it to the model, or take the one "
            "that the model's output holds."
        )
    found = LiveCache(tokens=int(cache.get_seq_length()))
    seen: set[tuple[str, int]] = set()
    for layer in chain.from_iterable(layer_lists(cache)):
        for name, value in vars(layer).items():
            counted = found.keys_and_values if name in KEYS_AND_VALUES else found.states
            for tensor in _tensors_in(value):
                place, storage = str(tensor.device), tensor.untyped_storage()
                if (place, storage.data_ptr() or id(tensor)) not in seen:
                    seen.add((place, storage.data_ptr() or id(tensor)))
                    counted[place] = counted.get(place, 0) + storage.nbytes()
    return found


def layer_lists(cache: Any) -> Iterator[list[Any]]:
    """The layers of a cache; of an encoder's and a decoder's, those of both halves."""
    for part in (cache, *(getattr(cache, half, None) for half in HALVES)):
        layers = getattr(part, "layers", None)
        if isinstance(layers, list):
            yield layers


def _tensors_in(value: Any) -> Iterator[Any]:
    """The tensors themselves, or those in a list or mapping; no single numbers, such as a count."""
    if hasattr(value, "untyped_storage"):
        if value.dim():
            yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _tensors_in(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _tensors_in(one)
