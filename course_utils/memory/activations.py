"""What is on a device beside weights, cache and scores: activations and the runtime. Not exact."""

from __future__ import annotations

from course_utils.memory import allocator
from course_utils.memory.assumptions import Assumptions
from course_utils.memory.attention import mask_bytes
from course_utils.memory.inventory import Inventory
from course_utils.memory.kv_cache import cache_bytes
from course_utils.memory.ranges import Range, total
from course_utils.memory.weights import ITEM_BYTES, storages
from course_utils.units import GIB

MIB = 2**20
RESIDUAL = 4  # values of the model's width that lie beside those of the MLP for each token
INNER_OF_INT8 = 9  # bytes; int32 and float16 outputs and a copy, 8 to 10 by bitsandbytes' source
CONTEXT = (0.13, 0.4, 0.6)  # GiB; a CUDA context, by reports: T4, seven of other cards, H100


def activations(inventory: Inventory, assumed: Assumptions, scores: Range) -> Range:
    """What ``generate`` holds for a moment beside weights, cache and the scores of attention.

    Moments take turns, and the one that holds most counts, together with the cache as it is then:

    - reading the prompt: in each layer the MLP, or attention with its scores (which the caller
      counts apart, with the masks that all layers share), while the cache is that of the prompt;
    - the last step: one layer's cache is copied to grow, and the cache is that of all tokens;
      In a mixture of experts, the weights of those that its tokens use are copied;
    - choosing a token: its logits, with a copy in float32.

    ``high`` adds a second copy of the largest tensor, for which the allocator may find no free
    block. A matrix of 4 bits is restored to 16; in float16 it is copied to float32 besides, unless
    ``bnb_4bit_compute_dtype`` says otherwise (``Linear4bit.forward``, read in bitsandbytes 0.50.2).

    Args:
        scores: from ``attention.scores``.
    """
    item, batch = ITEM_BYTES[inventory.dtype], assumed.batch
    tokens = batch * assumed.tokens_at_once
    in_pieces = assumed.tokens_at_once < assumed.prompt_tokens
    layers = inventory.cache.layers
    cache = cache_bytes(layers, assumed.context, batch)
    read = cache_bytes(layers, assumed.prompt_tokens, batch, prefill=not in_pieces)
    grown = _largest_layer(inventory, assumed.context, batch)
    copied = _largest_layer(inventory, assumed.prompt_tokens, batch) if in_pieces else 0
    logits = batch * inventory.sizes.vocabulary * (item + 4)
    mlp, attention = _mlp(inventory, assumed), _attention(inventory)
    restored, chosen = _restored(inventory, assumed), batch * _chosen_experts(inventory)

    masks = mask_bytes(inventory, assumed)

    def most(held: int) -> int:
        of_layer = max(tokens * mlp, tokens * attention + copied + held - masks)
        reading = read + restored + masks + of_layer
        step = cache + max(grown + batch * attention, batch * mlp, chosen, logits)
        return max(0, max(reading, step) - cache - held)

    expected = most(scores.expected)
    copied_matrix = (2 if inventory.dtype == "float16" else 1) * restored
    largest = max(tokens * inventory.sizes.inner * item, grown, logits)
    return Range(
        low=min(expected, max(grown, logits, batch * mlp)),
        expected=expected,
        high=max(expected, most(scores.high)) + largest + copied_matrix,
        basis="low: a decode step; expected: the largest moment of generate(); high: with one more "
        "of its largest tensor, where the allocator has no free block for it",
    )


def plain_forward(inventory: Inventory, assumed: Assumptions) -> int:
    """Bytes of the logits of every token, which ``model(**inputs)`` keeps and ``generate`` not."""
    tokens = assumed.batch * assumed.prompt_tokens
    return tokens * inventory.sizes.vocabulary * ITEM_BYTES[inventory.dtype]


def _largest_layer(inventory: Inventory, context: int, batch: int) -> int:
    sizes = (cache_bytes([one], context, batch, True) for one in inventory.cache.layers)
    return max(sizes, default=0)


def _chosen_experts(inventory: Inventory) -> int:
    """Bytes of the experts that one token uses, both halves and the way back, which a decode step
    copies (``batched_mm_experts_forward``, read in transformers 5.23)."""
    if inventory.experts is None:
        return 0
    sizes = inventory.sizes
    matrices = 3 * sizes.expert_inner * sizes.width * ITEM_BYTES[inventory.dtype]
    return inventory.experts[1] * matrices


def tied_embedding(inventory: Inventory) -> int:
    """Bytes of an embedding that is the head of a language model, too; 0 where there are two.

    It may be there twice until the model is loaded.
    """
    shape = inventory.sizes.vocabulary, inventory.sizes.width
    found = sum(one.shape == shape for one in inventory.tensors)
    if found != 1 or not inventory.cache.layers:
        return 0
    return shape[0] * shape[1] * ITEM_BYTES[inventory.dtype]


def _mlp(inventory: Inventory, assumed: Assumptions) -> int:
    """Bytes for a token while the MLP works: as many copies of its inner values as it keeps at
    once, the residual and its neighbours, and the two rotary tables.

    In a mixture of experts each token is there once for each expert that it uses, and so are both
    halves of its inner values with activation and product, or then its output, weighed, and put
    in order (``grouped_mm_experts_forward``, read in transformers 5.23; seen storage by storage).
    """
    item, sizes = ITEM_BYTES[inventory.dtype], inventory.sizes
    of_inner = sizes.copies * item
    if (inventory.quantization or assumed.quantization) == "int8":
        of_inner = max(of_inner, INNER_OF_INT8)
    rotary = 2 * inventory.attention.head_size
    dense = of_inner * sizes.inner + (RESIDUAL * sizes.width + rotary) * item
    if inventory.experts is None:
        return dense
    of_expert = max(4 * sizes.expert_inner, sizes.expert_copies * sizes.width)
    routed = inventory.experts[1] * (sizes.width + of_expert)
    return max(dense, (routed + RESIDUAL * sizes.width + rotary) * item)


def _attention(inventory: Inventory) -> int:
    """Bytes for a token while attention works: its input twice, queries before and after they are
    turned, the output, keys and values with the copy that goes to the cache."""
    how, width = inventory.attention, inventory.sizes.width
    values = 2 * width + how.head_size * (3 * how.heads + 4 * how.kv_heads + 2)
    if how.latent:
        key, restored, value = how.latent
        values = 2 * width + how.heads * (4 * key + restored + 2 * value)
    return values * ITEM_BYTES[inventory.dtype] if width else 0


def _restored(inventory: Inventory, assumed: Assumptions) -> int:
    """The largest matrix of 4 bits, which is restored to 16 bits for a prompt. In int8 only the
    columns of outliers are."""
    if (inventory.quantization or assumed.quantization) in (None, "int8"):
        return 0
    item = ITEM_BYTES[inventory.dtype]
    return max((one.values * item for one in inventory.tensors if one.quantizable), default=0)


def runtime(inventory: Inventory, assumed: Assumptions) -> Range:
    """The CUDA context, and what torch's allocator holds beyond the tensors asked of it."""
    low, expected, high = (round(size * GIB) for size in CONTEXT)
    context = Range(low, expected, high, "")
    basis = (
        "by reports, a CUDA context of 0.13 GiB (T4) to 0.6 GiB (H100); by torch's source, cuBLAS "
        "and what its allocator rounds up; on a CPU none of it"
    )
    return total(context, beyond_tensors(inventory, assumed), basis=basis)


def beyond_tensors(
    inventory: Inventory, assumed: Assumptions, reserved_at_once: bool = True
) -> Range:
    """What ``torch.cuda.memory_allocated`` counts beyond the tensors that are alive.

    Args:
        reserved_at_once: the weights' room is reserved in one block, as transformers does.
    """
    quantization = inventory.quantization or assumed.quantization
    sizes = list(storages(inventory.tensors, quantization))
    rounding = sum(allocator.rounded(size) - size for size in sizes)
    kept_by_weights = 0 if reserved_at_once else allocator.kept_by_weights(sizes)
    context, batch = assumed.context, assumed.batch
    halves = [cache_bytes([one], context, batch) // 2 for one in inventory.cache.layers]
    kept = allocator.kept_at_most([*halves, *halves])
    return Range(
        low=allocator.WORKSPACE,
        expected=allocator.WORKSPACE + rounding + kept // 2 + kept_by_weights,
        high=allocator.WORKSPACE_OF_HOPPER + rounding + kept + allocator.left_in_segments(sizes),
        basis="",
    )
