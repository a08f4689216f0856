"""What a model consists of, however that was found out: by headers, by transformers, by bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from course_utils.memory.kv_cache import Cache
from course_utils.memory.weights import Tensor

FULL_DTYPE = "float32"  # what transformers takes where neither config nor checkpoint names a dtype
EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
EXPERTS_USED = ("num_experts_per_tok", "experts_per_token", "top_k_experts", "moe_topk", "moe_k")


@dataclass(frozen=True)
class Sizes:
    """What activations are computed from; 0 where a config does not say."""

    width: int = 0
    inner: int = 0
    vocabulary: int = 0
    positions: int = 0


@dataclass(frozen=True)
class Attention:
    """How the model's layers look at other tokens. ``kernel`` as transformers calls it.

    ``is_guess``: config and class are out of reach.
    """

    kernel: str = "sdpa"
    heads: int = 0
    kv_heads: int = 0
    head_size: int = 0
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


def sizes_of(config: Any) -> Sizes:
    """Of a language model's config, or of the fields of its config.json."""
    width = _first(config, "hidden_size", "n_embd", "d_model", "dim")
    inner = _first(config, "intermediate_size", "n_inner", "d_ff", "hidden_dim", "ffn_dim")
    return Sizes(
        width=width,
        inner=inner or 4 * width,
        vocabulary=_first(config, "vocab_size"),
        positions=_first(config, "max_position_embeddings", "n_positions"),
    )


def attention_of(config: Any, kernel: str) -> Attention:
    """Of a language model's config, or of the fields of its config.json."""
    heads = _first(config, "num_attention_heads", "n_head", "n_heads")
    width = _first(config, "hidden_size", "n_embd", "d_model", "dim")
    return Attention(
        kernel=kernel,
        heads=heads,
        kv_heads=_first(config, "num_key_value_heads") or heads,
        head_size=_first(config, "head_dim") or width // (heads or 1),
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
    """A field of a config, or of a config.json."""
    return config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)


def _first(config: Any, *names: str) -> int:
    found = (get(config, name) for name in names)
    return next((one for one in found if type(one) is int and one > 0), 0)
