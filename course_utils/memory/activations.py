"""What is on a device beside weights and cache: activations and the runtime. Not exact."""

from __future__ import annotations

from course_utils.memory.assumptions import Assumptions
from course_utils.memory.inventory import Inventory
from course_utils.memory.kv_cache import cache_bytes
from course_utils.memory.ranges import Range
from course_utils.memory.weights import ITEM_BYTES
from course_utils.units import GIB

MIB = 2**20
HIDDEN_COPIES = 6  # of a token's hidden state, alive at once in one layer: query, key, residual …
ALLOCATION = 512  # bytes; CUDA's allocator rounds each tensor up to a multiple


def activations(inventory: Inventory, assumed: Assumptions) -> Range:
    """Low: one decode step. Expected: ``generate`` reading the prompt. High: ``model(**inputs)``.

    Sources: the logits were seen in transformers (``generate`` keeps those of the last token, and a
    float32 copy of them; a plain call keeps all). One layer at work holds about
    tokens × (2 × intermediate + 6 × hidden) values, which is inferred. The cache grows by
    concatenation, so one layer's part is there twice for a moment; a large quantized matrix is
    restored to 16 bits for its multiplication.
    """
    item = ITEM_BYTES[inventory.dtype]
    sizes, batch, tokens = inventory.sizes, assumed.batch, assumed.tokens_at_once
    last_logits = batch * sizes.vocabulary * (item + 4)
    a_token = batch * (2 * sizes.inner + HIDDEN_COPIES * sizes.width) * item
    layers = inventory.cache.layers
    grown = max((cache_bytes([one], assumed.context, batch, True) for one in layers), default=0)
    restored = 0
    if assumed.quantization or inventory.quantization:
        quantizable = (one.values * item for one in inventory.tensors if one.quantizable)
        restored = max(quantizable, default=0)
    expected = last_logits + tokens * a_token + grown
    return Range(
        low=last_logits + a_token,
        expected=expected,
        high=expected + batch * tokens * sizes.vocabulary * item + restored,
        basis="inferred. Low: a decode step; expected: generate() reads the prompt; high: a plain "
        "model(**inputs), which keeps the logits of every token",
    )


def runtime(inventory: Inventory) -> Range:
    """The CUDA context, its libraries' workspaces and the allocator's rounding."""
    rounding = len(inventory.tensors) * ALLOCATION
    return Range(
        low=round(0.13 * GIB),
        expected=round(0.4 * GIB) + rounding // 2,
        high=round(0.6 * GIB) + 32 * MIB + rounding,
        basis="by reports. A CUDA context of 0.13 GiB (T4) to 0.6 GiB (H100), cuBLAS, rounding; "
        "on a CPU none of it",
    )
