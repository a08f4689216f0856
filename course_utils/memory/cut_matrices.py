"""Matrices that are stored in one piece and loaded as several, and what stays in memory with them.

transformers cuts such a matrix while it loads (``WeightConverter``, read in transformers 5.24). A
piece is a view of the whole. Where other pieces are copied afterwards, because their rows change
places say, the whole stays in memory for the sake of one.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course_utils.memory.headers import StoredTensor
from course_utils.memory.meta_model import build, quiet

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def kept_beside(
    name: str, config: PreTrainedConfig, cls: type[Any], tensors: Mapping[str, StoredTensor]
) -> dict[str, int]:
    """Values that stay in memory beside those of a parameter, by the name of the parameter.

    Args:
        name: of the model, as messages name it.
        config, cls: what it is built from.
        tensors: what its checkpoint stores.
    """
    if not any(map(_cutting, _own_conversions(config, cls))):
        return {}
    import torch
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

    model = build(name, config, cls, "float32")
    found = get_model_conversion_mapping(model)
    renamings = [one for one in found if isinstance(one, WeightRenaming)]
    converters = [one for one in found if isinstance(one, WeightConverter)]
    by_pattern = {
        pattern: one for one in converters if _cutting(one) for pattern in one.source_patterns
    }
    parameters, kept = model.state_dict(), {}
    for stored_as, tensor in tensors.items():
        parameter, pattern = rename_source_key(
            stored_as, renamings, converters, model.base_model_prefix, parameters
        )
        if pattern not in by_pattern or parameter not in parameters:
            continue
        converter = copy.deepcopy(by_pattern[pattern])
        whole: Any = torch.empty(tensor.shape, device="meta")
        converter.add_tensor(parameter, stored_as, pattern, whole)
        with quiet():
            kept.update(_kept(converter.convert(parameter, config=model.config)))
    return kept


def _own_conversions(config: PreTrainedConfig, cls: type[Any]) -> list[Any]:
    """Of the model's class and type, and of the types of its parts."""
    from transformers.conversion_mapping import get_checkpoint_conversion_mapping

    parts = [getattr(config, name, None) for name in config.sub_configs]
    named = [cls.__name__, *(getattr(one, "model_type", None) for one in (config, *parts))]
    return [one for each in named for one in get_checkpoint_conversion_mapping(each) or ()]


def _cutting(conversion: Any) -> bool:
    """Whether it cuts a matrix and does more with the pieces."""
    from transformers.core_model_loading import Chunk

    steps: list[Any] = getattr(conversion, "operations", [])
    return len(steps) > 1 and isinstance(steps[0], Chunk)


def _kept(pieces: Mapping[str, Any]) -> dict[str, int]:
    """Values of a storage beyond those of its pieces, beside the first of them."""
    by_storage: dict[int, list[tuple[str, Any]]] = defaultdict(list)
    for name, piece in pieces.items():
        by_storage[piece.untyped_storage()._cdata].append((name, piece))
    kept: dict[str, int] = {}
    for shared in by_storage.values():
        name, first = shared[0]
        held = first.untyped_storage().nbytes() // first.element_size()
        beyond = held - sum(piece.numel() for _, piece in shared)
        if beyond:
            kept[name] = beyond
    return kept
