"""One layer of each kind: a model is driven through these alone, and the others do as they did.

A model of 61 layers has two or three kinds of layers. On the meta device a layer only turns shapes
into shapes, so what one puts out and caches, another one puts out and caches that is built alike
and gets inputs of the same shapes. ``make bench`` holds this against driving every layer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from course_utils.memory.live_cache import layer_lists

if TYPE_CHECKING:
    from torch.nn import Module
    from transformers import PreTrainedModel

PLAIN = (bool, int, float, str, type(None))


class NotAlike(Exception):
    """A layer does more than can be told from another one: each must be driven."""


class OneOfEachKind:
    """Calls a model on the meta device. Layers that are alike and get the same are run once."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.layers = list(_layers(model))

    def __call__(self, **inputs: Any) -> Any:
        """What the model puts out.

        Raises:
            NotAlike: a layer fills another place in the cache than its own.
            Exception: what the model raises.
        """
        seen: dict[Hashable, Any] = {}
        with _in_place_of([layer for layer, _, _ in self.layers]):
            for layer, place, kind in self.layers:
                layer.forward = _once(layer.forward, place, kind, seen)
            return self.model(**inputs)


@contextmanager
def _in_place_of(layers: list[Module]) -> Iterator[None]:
    """Gives the layers their own ``forward`` back."""
    try:
        yield
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)


def _once(
    forward: Callable[..., Any], place: int, kind: Hashable, seen: dict[Hashable, Any]
) -> Callable[..., Any]:
    """The ``forward`` of a layer, which looks first whether one of its kind has done the same."""

    def run(*args: Any, **kwargs: Any) -> Any:
        caches = [slots for value in (*args, *kwargs.values()) for slots in layer_lists(value)]
        asked = kind, _shape(args), _shape(kwargs), tuple(_at(slots, place) for slots in caches)
        if asked not in seen:
            before = [_contents(slots) for slots in caches]
            output = forward(*args, **kwargs)
            for slots, held in zip(caches, before, strict=True):
                _only_its_own(slots, held, place)
            seen[asked] = output, [slots[place : place + 1] for slots in caches]
            return output
        output, filled = seen[asked]
        for slots, slot in zip(caches, filled, strict=True):
            slots[place : place + 1] = map(copy, slot)
        return output

    return run


# --- Kinds ---------------------------------------------------------------------------------------


def _layers(model: PreTrainedModel) -> Iterator[tuple[Module, int, Hashable]]:
    """Each layer with its place and its kind: the members of the outermost lists of modules."""
    from torch.nn import Module, ModuleList

    lists: dict[str, ModuleList] = {}
    for name, module in model.named_modules():
        is_inside = any(name.startswith(f"{outer}.") for outer in lists)
        if isinstance(module, ModuleList) and len(module) > 1 and not is_inside:
            lists[name] = module
    own = frozenset(vars(Module()))
    for name, layers in lists.items():
        for place, layer in enumerate(layers):
            kind = name, _of_config(model, place, len(layers)), _built(layer, place, own)
            yield layer, place, kind


def _of_config(model: PreTrainedModel, place: int, count: int) -> Hashable:
    """What the config says of each layer apart: whether it slides, has experts …"""
    config = model.config.get_text_config(decoder=True)
    return tuple(
        (name, repr(value[place]))
        for name, value in vars(config).items()
        if isinstance(value, (list, tuple)) and len(value) >= count
    )


def _built(layer: Module, place: int, own: frozenset[str]) -> Hashable:
    """Classes, attributes and shapes of a layer and all that is in it; its place is left out."""
    return tuple(
        (
            name,
            type(module),
            tuple(
                (attribute, "its place" if _is_place(attribute, value, place) else _word(value))
                for attribute, value in vars(module).items()
                if attribute not in own
            ),
            tuple(
                (tensor, None if value is None else (value.shape, value.dtype))
                for tensor, value in (*module._parameters.items(), *module._buffers.items())
            ),
        )
        for name, module in layer.named_modules()
    )


def _is_place(attribute: str, value: Any, place: int) -> bool:
    return type(value) is int and value == place and "layer" in attribute


def _word(value: Any) -> Hashable:
    """Equal for what is equal; an object that cannot be compared stands for itself alone."""
    if isinstance(value, PLAIN):
        return type(value), value
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value), tuple(map(_word, value))
    if isinstance(value, Mapping):
        return tuple((key, _word(one)) for key, one in value.items())
    if isinstance(value, partial):
        return id(value.func), _word(value.args), _word(value.keywords)
    return id(value)


# --- What goes in and out ------------------------------------------------------------------------


def _shape(value: Any) -> Hashable:
    """Shapes of tensors, however deep; other values as they are."""
    if hasattr(value, "untyped_storage"):
        return tuple(value.shape), value.dtype
    if isinstance(value, Mapping):
        return tuple((key, _shape(one)) for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(_shape, value))
    return _word(value) if isinstance(value, PLAIN) else id(type(value))


def _at(slots: list[Any], place: int) -> Hashable:
    """What a layer finds at its place in the cache."""
    return tuple((type(slot), _shape(vars(slot))) for slot in slots[place : place + 1])


def _contents(slots: list[Any]) -> list[dict[str, int]]:
    return [{name: id(value) for name, value in vars(slot).items()} for slot in slots]


def _only_its_own(slots: list[Any], before: list[dict[str, int]], place: int) -> None:
    changed = [
        number
        for number, held in enumerate(_contents(slots))
        if number >= len(before) or held != before[number]
    ]
    if changed not in ([], [place]):
        raise NotAlike(f"the layer at {place} filled {changed} of the cache")
