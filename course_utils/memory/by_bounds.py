"""A model of which little is known: by headers that no test vouches for, or by a parameter count.

What a count leaves open is bounded by the 55 language models of the practice Hub's catalogue, from
0.1 e9 to 671 e9 parameters. Of their n parameters, 1 to 48 % lie outside of the layers that
bitsandbytes replaces (in a mixture of experts, 94 to 98 %), and a token leaves 0.09 to 7.2 × √n
bytes in a 16-bit cache.
"""

from __future__ import annotations

import re
from dataclasses import replace
from math import isqrt

from course_utils.memory.checkpoint import Checkpoint
from course_utils.memory.headers import TORCH_NAMES
from course_utils.memory.inventory import (
    FULL_DTYPE,
    Attention,
    Inventory,
    attention_of,
    experts_of,
    quantized_by,
    sizes_of,
)
from course_utils.memory.kv_cache import Cache, CacheLayer, layers_by_formula, window_of
from course_utils.memory.packing import method_of
from course_utils.memory.weights import ITEM_BYTES, Tensor

MIXTURE = re.compile(r"moe|mixtral|gpt_oss|deepseek_v|dbrx|jamba|llama4")
IN_A_LAYER = re.compile(r".*\.\d+\..*weight")
KEPT_PERCENT = {False: (1, 12, 48), True: (94, 97, 100)}  # low, expected, high
CACHE_PER_ROOT = (0.09, 1.5, 7.2)
LOADED_PERCENT = (90, 100, 101)  # of what is stored: masks stay away, buffers come in
ROW = 4096  # an ordinary width, for the scales of int8
LAYERS = 32  # an ordinary depth
MATRICES = 12  # of width × width, in an ordinary layer
HEAD = 128  # values of an ordinary head's key


def by_headers(checkpoint: Checkpoint, dtype: str | None) -> Inventory:
    """What is stored, in the dtype asked for. Which layers would be quantized is a guess."""
    text = checkpoint.config.get("text_config") or checkpoint.config
    dtype = dtype or checkpoint.found_dtype or FULL_DTYPE
    tensors = tuple(
        Tensor(
            name, one.shape, dtype if one.is_floating else one.dtype, _is_linear(name, one.shape)
        )
        for name, one in checkpoint.tensors.items()
    )
    found = Inventory(
        name=checkpoint.name,
        dtype=dtype,
        tensors=tensors,
        cache=Cache(layers_by_formula(text, ITEM_BYTES[dtype], window_of(text)) or ()),
        sizes=sizes_of(text, tensors),
        attention=attention_of(text, "sdpa"),
        experts=experts_of(text),
        basis="stored",
        stored=checkpoint.stored_bytes,
        stored_as=method_of(quantized_by(checkpoint.config)),
        notes=("by its headers alone: buffers are not counted, and the cache is by formula",),
    )
    if found.stored_as:
        return replace(found, weights=found.stored)
    ends = [
        tuple(replace(one, quantizable=quantizable and len(one.shape) == 2) for one in tensors)
        for quantizable in (True, False)
    ]
    return replace(found, tensors_between=(ends[0], ends[1]))


def by_count(checkpoint: Checkpoint, dtype: str | None) -> Inventory:
    """From how many values the Hub says are stored, where config and headers are out of reach."""
    count = sum(checkpoint.counts.values())
    widest = max(checkpoint.counts, key=lambda name: checkpoint.counts[name])
    dtype = dtype or TORCH_NAMES.get(widest, "bfloat16")
    is_mixture = bool(MIXTURE.search(str(checkpoint.config.get("model_type"))))
    low, expected, high = (
        _parts(count * loaded // 100, kept, dtype)
        for loaded, kept in zip(LOADED_PERCENT, KEPT_PERCENT[is_mixture], strict=True)
    )
    heads = round(isqrt(count // (LAYERS * MATRICES)) / HEAD)
    caches = [
        Cache((CacheLayer(int(share * isqrt(count) * ITEM_BYTES[dtype] / 2 / LAYERS)),) * LAYERS)
        for share in CACHE_PER_ROOT
    ]
    return Inventory(
        name=checkpoint.name,
        dtype=dtype,
        tensors=expected,
        tensors_between=(low, high),
        cache=caches[1],
        cache_range=(caches[0], caches[2]),
        sizes=sizes_of({}),
        attention=Attention("sdpa", heads, kv_heads=1, head_size=HEAD, is_guess=True),
        notes=(
            f"its config and headers are behind the gate: by its {count:,} stored values alone",
            "the cache is that of models of its size; activations leave out the logits",
        ),
    )


def _parts(count: int, kept_percent: int, dtype: str) -> tuple[Tensor, ...]:
    kept = count * kept_percent // 100
    rows = (count - kept) // ROW // LAYERS
    layer = Tensor("a layer", (rows, ROW), dtype, quantizable=True)
    return Tensor("the rest", (count - LAYERS * layer.values,), dtype), *[layer] * LAYERS


def _is_linear(name: str, shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and ".experts." not in name and bool(IN_A_LAYER.fullmatch(name))
