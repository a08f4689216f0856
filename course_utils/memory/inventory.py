"""What a model consists of, however that was found out: by headers, by transformers, by bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from course_utils.memory.kv_cache import Cache
from course_utils.memory.weights import Tensor
from course_utils.units import in_gib

FULL_DTYPE = "float32"  # what transformers takes where neither config nor checkpoint names a dtype
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
# Activations that transformers writes out in Python, with a tensor for each step.
WRITTEN_OUT = ("gelu_new", "gelu_fast", "gelu_accurate")
EXPERTS_USED = ("num_experts_per_tok", "experts_per_token", "top_k_experts", "moe_topk", "moe_k")


@dataclass(frozen=True)
class Sizes:
    """What activations are computed from; 0 where a config does not say.

    ``copies``: how often a token's inner values are there at once while the MLP works.
    ``expert_inner``: of one expert, where there are any; ``expert_copies``: how often a token's
    values, of the model's width, are there beside its input for each expert that it uses.
    """

    width: int = 0
    inner: int = 0
    copies: int = 3
    expert_inner: int = 0
    expert_copies: int = 3
    vocabulary: int = 0
    positions: int = 0


@dataclass(frozen=True)
class Attention:
    """How the model's layers look at other tokens. ``kernel`` as transformers calls it.

    ``latent``: values of a head's query and key, of the part of its key that is restored from a
    latent cache (MLA), and of its value. ``is_guess``: config and class are out of reach.
    """

    kernel: str = "sdpa"
    heads: int = 0
    kv_heads: int = 0
    head_size: int = 0
    latent: tuple[int, int, int] | None = None
    is_guess: bool = False


@dataclass(frozen=True)
class Inventory:
    """``tensors`` load in ``dtype``; ``basis`` is "exact" or "stored", as in ``MemoryEstimate``.

    ``experts`` is how many there are and how many a token uses. ``ties`` names parameters that are
    one tensor. ``quantization`` is how bitsandbytes has quantized the checkpoint already.
    ``unpacked``: it was packed on disk and is not once loaded. ``loadable``: ``from_pretrained``
    makes of it what it should, once all that it needs is installed.
    ``weights`` overrules the sum of the tensors. ``tensors_between`` is set where they are a guess:
    two lists, between whose bytes theirs lie; ``cache_range`` where the cache is one.
    """

    name: str
    dtype: str
    tensors: tuple[Tensor, ...]
    cache: Cache
    sizes: Sizes
    attention: Attention = Attention()
    experts: tuple[int, int] | None = None
    ties: Mapping[str, str] = field(default_factory=dict)
    basis: str = "exact"
    quantization: str | None = None
    weights: int | None = None
    tensors_between: tuple[tuple[Tensor, ...], tuple[Tensor, ...]] | None = None
    cache_range: tuple[Cache, Cache] | None = None
    stored: int | None = None
    stored_as: str | None = None
    loadable: bool = True
    unpacked: bool = False
    notes: tuple[str, ...] = ()


def sizes_of(config: Any, tensors: Iterable[Tensor] = ()) -> Sizes:
    """Of a language model's config, or of the fields of its config.json; and of its tensors."""
    width = _first(config, "hidden_size", "n_embd", "d_model", "dim")
    inner = _first(config, "intermediate_size", "n_inner", "d_ff", "hidden_dim", "ffn_dim")
    inner = inner or 4 * width
    return Sizes(
        width=width,
        inner=inner,
        copies=_copies(config, inner, width, tensors),
        expert_inner=_first(config, "moe_intermediate_size") or inner,
        # The output, weighed and put in order; in float32 where the weights are scaled in it.
        expert_copies=5 if get(config, "routed_scaling_factor") else 3,
        vocabulary=_first(config, "vocab_size"),
        positions=_first(config, "max_position_embeddings", "n_positions"),
    )


def _copies(config: Any, inner: int, width: int, tensors: Iterable[Tensor]) -> int:
    """How many tensors of a token's inner values an MLP holds at once, by how it is built.

    Each was seen on the meta device, storage by storage: gated 3 (the gate, its activation or the
    product, the other half), gated with both halves in one matrix 4, not gated 2, and 4 with an
    activation that transformers writes out in Python.
    """
    if any(get(config, name) in WRITTEN_OUT for name in ("hidden_act", "activation_function")):
        return 4
    shapes = Counter(one.shape for one in tensors if len(one.shape) == 2)
    up, down = shapes[inner, width], shapes[width, inner]
    if shapes[2 * inner, width]:
        return 4
    return 2 if up and up == down else 3


def attention_of(config: Any, kernel: str) -> Attention:
    """Of a language model's config, or of the fields of its config.json."""
    heads = _first(config, "num_attention_heads", "n_head", "n_heads")
    width = _first(config, "hidden_size", "n_embd", "d_model", "dim")
    return Attention(
        kernel=kernel,
        heads=heads,
        kv_heads=_first(config, "num_key_value_heads") or heads,
        head_size=_first(config, "head_dim") or width // (heads or 1),
        latent=_latent(config),
    )


def _latent(config: Any) -> tuple[int, int, int] | None:
    if not _first(config, "kv_lora_rank"):
        return None
    restored, value = _first(config, "qk_nope_head_dim"), _first(config, "v_head_dim")
    return restored + _first(config, "qk_rope_head_dim"), restored, value


def vision_notes(config: Any, item_bytes: int) -> Iterator[str]:
    """What a picture takes beside the text, of a model that looks at pictures: not counted."""
    tower = get(config, "vision_config")
    if not tower:
        return
    sizes = sizes_of(tower)
    side, patch = _first(tower, "image_size"), _first(tower, "patch_size")
    if not all((sizes.width, side, patch)):
        yield "a picture takes more while its vision tower works; how much is not counted"
        return
    tokens = (side // patch) ** 2
    low, high = (
        tokens * (copies * sizes.inner + rest * sizes.width) * item_bytes
        for copies, rest in ((2, 4), (4, 6))
    )
    yield (
        f"a picture of {side} × {side} takes {in_gib(low)} to {in_gib(high)} more while its "
        "vision tower works, which is not counted; larger ones are cut into several"
    )


def experts_of(config: Any) -> tuple[int, int] | None:
    """How many experts there are, and how many a token uses."""
    counts = _first(config, *EXPERTS), _first(config, *EXPERTS_USED)
    return counts if all(counts) else None


def quantized_by(config: Any) -> Mapping[str, Any] | None:
    """The ``quantization_config`` of a config or of the fields of a config.json."""
    text = get(config, "text_config")
    found = get(config, "quantization_config") or (text and get(text, "quantization_config"))
    if hasattr(found, "to_dict"):
        found = found.to_dict()
    return found if isinstance(found, Mapping) and found else None


def get(config: Any, name: str) -> Any:
    """A field of a config, or of a config.json; the largest where layers differ in it."""
    if isinstance(config, Mapping):
        return config.get(name)
    try:
        return getattr(config, name, None)
    except RuntimeError:  # transformers does not say which layer's
        each = [getattr(layer, name, None) for layer in config.per_layer_config]
        return max((one for one in each if isinstance(one, int)), default=None)


def _first(config: Any, *names: str) -> int:
    found = (get(config, name) for name in names)
    return next((one for one in found if type(one) is int and one > 0), 0)
