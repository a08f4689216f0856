"""The scores of attention: what one layer must hold of all pairs of tokens while a prompt is read.

A fused kernel holds none. Eager attention holds them all, and so does torch's MATH kernel, which is
what is left where no fused kernel can do what is asked:

- transformers asks for grouped heads (``enable_gqa``) whenever there is no mask and a head's keys
  have at most 256 values, without looking at the GPU; the only fused kernel for grouped heads needs
  compute capability 8.0 (``use_gqa_in_sdpa``, read in transformers 5.23; reported on T4s in
  huggingface/transformers #48633 and #45776);
- below 8.0 the memory-efficient kernel does not take bfloat16 (read in torch's ``sdp_utils``).

Where layers slide over a window that is shorter than the prompt, or the prompt is read in pieces,
or a batch holds prompts of different lengths, there is a mask: a byte for each pair of tokens, one
for each kind of layer, for as long as the layers work (``masking_utils.sdpa_mask``). transformers
then repeats the keys and values for all heads, and the memory-efficient kernel, which takes the
mask as numbers of the model's dtype, holds no scores. Eager attention always has its masks, as such
numbers (``eager_mask``).
"""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.memory.assumptions import Assumptions
from course_utils.memory.inventory import Inventory
from course_utils.memory.ranges import NOTHING, Range
from course_utils.memory.weights import ITEM_BYTES

# Bytes for each pair of tokens and head. MATH, from 16 bits: 9.3 to 9.6 published on another card
# (ComfyUI #15135), 9.1 to 9.9 measured on a CPU. Eager: the scores, and their softmax in float32,
# each with a copy; 6 (gpt-oss), 8 (gemma2), 12 (bloom), seen storage by storage or measured.
MATH = (9.1, 9.4, 9.9)
EAGER = (6.0, 8.0, 12.0)
FUSED_GROUPS = (8, 0)  # compute capability from which a fused kernel takes grouped heads
LARGEST_HEAD = 256  # values of a key, up to which transformers asks for grouped heads


def scores(inventory: Inventory, assumed: Assumptions) -> Range:
    """Bytes of one layer's scores and of the masks, for all sequences; layers take turns."""
    if not inventory.attention.heads:
        return NOTHING
    masks = mask_bytes(inventory, assumed)
    held = [one for one in (_of_all_pairs(inventory, assumed), _masked(inventory, assumed)) if one]
    return Range(
        low=masks + max((one.low for one in held), default=0),
        expected=masks + max((one.expected for one in held), default=0),
        high=masks + max((one.high for one in held), default=0),
        basis="; ".join(one.basis for one in held),
    )


def mask_bytes(inventory: Inventory, assumed: Assumptions) -> int:
    """Of the masks that the layers share while a prompt is read."""
    is_eager = inventory.attention.kernel == "eager"
    item = ITEM_BYTES[inventory.dtype] if is_eager else 1
    return assumed.batch * item * sum(_masks(inventory, assumed))


def _masks(inventory: Inventory, assumed: Assumptions) -> Iterator[int]:
    """Pairs of tokens in the mask of each kind of layer that has one."""
    rows, columns = assumed.tokens_at_once, assumed.prompt_tokens
    always = inventory.attention.kernel == "eager" or rows < columns
    layers = [layer for layer in inventory.cache.layers if layer.tokens is None]
    for window in {layer.window for layer in layers}:
        if window is None and always:
            yield rows * columns
        if window is not None and (always or columns >= window):
            yield rows * min(columns, window - 1 + rows)


def _of_all_pairs(inventory: Inventory, assumed: Assumptions) -> Range | None:
    attention = inventory.attention
    rows, columns = assumed.tokens_at_once, assumed.prompt_tokens
    heads = assumed.batch * attention.heads
    if attention.kernel == "eager":
        basis = "the model is built with eager attention, which holds the scores of all pairs"
        item = ITEM_BYTES[inventory.dtype]
        return _range(heads * rows * columns * item // 2, EAGER, basis)
    if attention.kernel != "sdpa" or not is_old(assumed.capability):
        return None
    basis = (
        f"a GPU of compute capability {assumed.capability} has no fused kernel for this attention: "
        "torch's MATH kernel holds the scores of all pairs (reported, not measured here)"
    )
    if inventory.dtype == "bfloat16":
        return _range(heads * rows * columns, MATH, basis)
    if not _asks_for_groups(inventory, assumed):
        return None
    found = _range(heads * rows * rows, MATH, basis)
    if attention.is_guess:
        return Range(0, found.expected, 2 * found.high, f"{basis}; its heads are a guess")
    return found


def _masked(inventory: Inventory, assumed: Assumptions) -> Range | None:
    """What a fused kernel takes where there is a mask: the mask as numbers, at most twice (where
    its rows have to be filled up), and keys and values repeated for all heads."""
    attention, item = inventory.attention, ITEM_BYTES[inventory.dtype]
    if attention.kernel != "sdpa" or not inventory.cache.layers:
        return None
    rows, columns = assumed.tokens_at_once, assumed.prompt_tokens
    pairs = max(_masks(inventory, assumed), default=0)
    looked_at = pairs // rows or columns
    repeated = 0
    if attention.heads > attention.kv_heads:
        values = attention.heads * attention.head_size * looked_at
        repeated = assumed.batch * 2 * values * item
    if pairs:
        why = "a prompt in pieces" if rows < columns else "a window shorter than the prompt"
        basis = f"{why} needs a mask, and keys and values are repeated for it"
        numbers = assumed.batch * pairs * item
        return Range(repeated, repeated + numbers, repeated + 2 * numbers, basis)
    if assumed.batch > 1 and not attention.is_guess:
        mask = assumed.batch * rows * columns
        basis = "high: with prompts of different lengths, which need a mask"
        return Range(0, 0, repeated + mask * (1 + 2 * item), basis)
    return None


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
