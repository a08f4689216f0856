"""The scores of attention: what one layer must hold of all pairs of tokens while a prompt is read.

A fused kernel holds none. Eager attention holds them all, and so does torch's MATH kernel, which is
what is left where no fused kernel can do what is asked:

- transformers asks for grouped heads (``enable_gqa``) whenever there is no mask and a head's keys
  have at most 256 values, without looking at the GPU; the only fused kernel for grouped heads needs
  compute capability 8.0 (``use_gqa_in_sdpa``, read in transformers 5.23; reported on T4s in
  huggingface/transformers #48633 and #45776);
- below 8.0 the memory-efficient kernel does not take bfloat16 (read in torch's ``sdp_utils``).

With a mask, which layers with a sliding window need once the prompt is longer than the window,
transformers repeats the heads instead, and the memory-efficient kernel takes them.
"""

from __future__ import annotations

from course_utils.memory.assumptions import Assumptions
from course_utils.memory.inventory import Inventory
from course_utils.memory.ranges import NOTHING, Range
from course_utils.memory.weights import ITEM_BYTES

# Bytes for each pair of tokens and head. MATH, from 16 bits: 9.3 to 9.6 published on another card
# (ComfyUI #15135), 9.1 to 9.9 measured on a CPU. Eager: the scores, and their softmax in float32,
# each with a copy; 6.5 (gpt-oss), 8 (gemma2), 12 (bloom) measured.
MATH = (9.1, 9.4, 9.9)
EAGER = (6.5, 8.0, 12.0)
FUSED_GROUPS = (8, 0)  # compute capability from which a fused kernel takes grouped heads
LARGEST_HEAD = 256  # values of a key, up to which transformers asks for grouped heads


def scores(inventory: Inventory, assumed: Assumptions) -> Range:
    """Bytes of one layer's scores, for all sequences; layers take turns."""
    attention = inventory.attention
    rows, columns = assumed.tokens_at_once, assumed.prompt_tokens
    heads = assumed.batch * attention.heads
    if not heads:
        return NOTHING
    item = ITEM_BYTES[inventory.dtype]
    if attention.kernel == "eager":
        basis = "the model is built with eager attention, which holds the scores of all pairs"
        return _range(heads * rows * columns * item // 2, EAGER, basis)
    if attention.kernel != "sdpa" or not is_old(assumed.capability):
        return NOTHING
    basis = (
        f"a GPU of compute capability {assumed.capability} has no fused kernel for this attention: "
        "torch's MATH kernel holds the scores of all pairs (reported, not measured here)"
    )
    if inventory.dtype == "bfloat16":
        return _range(heads * rows * columns, MATH, basis)
    if not _asks_for_groups(inventory, assumed):
        return NOTHING
    found = _range(heads * rows * rows, MATH, basis)
    if attention.is_guess:
        return Range(0, found.expected, 2 * found.high, f"{basis}; its heads are a guess")
    if rows == columns:
        return found
    # Later pieces come with a mask and repeated keys and values, for the memory-efficient kernel.
    repeated = 2 * heads * attention.head_size * columns * item
    masked = repeated + assumed.batch * rows * columns * (1 + item)
    return Range(
        low=max(found.low, masked),
        expected=max(found.expected, masked),
        high=max(found.high, masked),
        basis=f"{basis}, in the first piece of the prompt; later ones repeat the keys",
    )


def is_old(capability: str | None) -> bool:
    """Whether no fused kernel of this GPU takes grouped heads."""
    if capability is None:
        return False
    return tuple(int(one) for one in capability.split(".")) < FUSED_GROUPS


def _asks_for_groups(inventory: Inventory, assumed: Assumptions) -> bool:
    attention, prompt = inventory.attention, assumed.prompt_tokens
    windows = [layer.window for layer in inventory.cache.layers]
    without_mask = any(window is None or prompt < window for window in windows)
    is_grouped = attention.heads > attention.kv_heads
    return is_grouped and without_mask and attention.head_size <= LARGEST_HEAD


def _range(pairs: int, sizes: tuple[float, float, float], basis: str) -> Range:
    low, expected, high = (round(pairs * size) for size in sizes)
    return Range(low, expected, high, basis)
