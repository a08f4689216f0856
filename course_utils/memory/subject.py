"""Whatever is asked about (a repo id, a folder, a config, a loaded model), what it consists of."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from course_utils.errors import CannotTell, CourseError
from course_utils.memory.by_bounds import by_count, by_headers
from course_utils.memory.by_headers import exact_by_headers
from course_utils.memory.checkpoint import StoredModel, read_stored
from course_utils.memory.inventory import Inventory
from course_utils.memory.measure import measure_memory
from course_utils.memory.packed import BITSANDBYTES, method_of, name_of, quantization_of
from course_utils.memory.question import Question


def inventory_of(model: Any, asked: Question) -> Inventory:
    """Of anything that ``estimate_memory`` accepts.

    Raises:
        CannotTell: a model that cannot be sized, with the reason.
        CourseError: it is nothing that can be asked about, or the Hub gives no answer.
    """
    if isinstance(model, (str, os.PathLike)):
        model = read_stored(model)
    if isinstance(model, StoredModel):
        return _of_stored(model, asked)
    config = getattr(model, "config", model)
    if not hasattr(config, "get_text_config"):
        raise CourseError(
            "estimate_memory accepts a repo id, a local folder, a config of transformers or a "
            f"loaded model of transformers, not {type(model).__name__}."
        )
    return _of_object(model, config, asked)


def quick_inventory_of(model: str | os.PathLike[str] | StoredModel, asked: Question) -> Inventory:
    """By headers alone.

    Raises:
        CannotTell: there are none.
    """
    stored = model if isinstance(model, StoredModel) else read_stored(model)
    found = exact_by_headers(stored, asked.dtype) or _rough(stored, asked)
    if found is None:
        raise CannotTell(stored.name, "it has no safetensors, so no headers can be read.")
    return found


def _of_stored(stored: StoredModel, asked: Question) -> Inventory:
    """By the quick path where it is exact, else in full, else as far as is known."""
    found = by_count(stored, asked) if stored.closed else exact_by_headers(stored, asked.dtype)
    if found:
        return found
    from course_utils.memory.by_transformers import of_stored

    try:
        return of_stored(stored, asked.dtype)
    except CannotTell as reason:
        found = _rough(stored, asked) if isinstance(reason.__cause__, ImportError) else None
        if found is None:
            raise
        return replace(found, notes=(*found.notes, reason.reason))


def _rough(stored: StoredModel, asked: Question) -> Inventory | None:
    if stored.closed:
        return by_count(stored, asked)
    return by_headers(stored, asked) if stored.tensors else None


def _of_object(model: Any, config: Any, asked: Question) -> Inventory:
    """Of a config, or of a loaded model: that is measured where it is asked for as it is."""
    from course_utils.memory.by_transformers import of_config
    from course_utils.memory.meta_model import model_class

    if model is config:
        return of_config(config.name_or_path or type(config).__name__, config, asked.dtype)
    name = config.name_or_path or type(model).__name__
    dtype = asked.dtype or str(model.dtype).removeprefix("torch.")
    cls = type(model) if hasattr(model, "_from_config") else model_class(config)
    found = of_config(name, config, dtype, cls=cls)
    if asked.dtype or asked.quantization:
        return found
    quantized_by = quantization_of(config)
    return replace(
        found,
        weights=measure_memory(model).weights,
        quantization=name_of(quantized_by) if method_of(quantized_by) == BITSANDBYTES else None,
        notes=("weights as they are in memory now",),
    )
