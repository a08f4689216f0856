"""The KV cache: what the keys and values of each layer take after so many tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_utils.course_error import CourseError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PROBE_TOKENS = 4


@dataclass(frozen=True)
class CacheLayer:
    """What one layer keeps of each token of each sequence, in bytes, keys and values together.

    ``window``: a sliding layer looks back at so many tokens. ``tokens``: a layer that reads an
    encoder's output of fixed length keeps so many, however long the context.
    """

    token_bytes: int
    window: int | None = None
    tokens: int | None = None

    def held(self, context: int, prefill: bool) -> int:
        """Tokens in storage: after a decode step, or when the whole prompt went through at once."""
        if self.tokens is not None:
            return self.tokens
        if self.window is None or prefill:
            return context
        return min(context, self.window)


def cache_bytes(
    layers: Iterable[CacheLayer], context: int, batch: int, prefill: bool = False
) -> int:
    """Bytes of storage that the keys and values of a cache hold.

    A sliding layer keeps ``window - 1`` tokens and the one just decoded lies in the same storage;
    after prefill its storage is still the whole prompt's (transformers' ``DynamicCache``).
    """
    return batch * sum(layer.token_bytes * layer.held(context, prefill) for layer in layers)


def observed_layers(model: PreTrainedModel) -> tuple[CacheLayer, ...]:
    """The cache layers of a model on the meta device, seen by sending it a few tokens.

    Nothing is computed there: only shapes go through, and the cache that comes out is real in all
    but its numbers.
    """
    import torch

    tokens = torch.ones(1, PROBE_TOKENS, dtype=torch.long, device="meta")
    inputs = {"input_ids": tokens, "use_cache": True}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = tokens
    with torch.no_grad(), torch.device("meta"):
        cache = model(**inputs).get("past_key_values")
    if cache is None:
        return ()
    return tuple(
        layer
        for part in (
            getattr(cache, "self_attention_cache", cache),
            getattr(cache, "cross_attention_cache", None),
        )
        if part is not None
        for layer in map(_layer, part.layers)
        if layer is not None
    )


def _layer(layer: Any) -> CacheLayer | None:
    if getattr(layer, "keys", None) is None:
        return None
    held = (layer.keys, layer.values)
    total = sum(tensor.untyped_storage().nbytes() for tensor in held)
    return CacheLayer(total // PROBE_TOKENS, getattr(layer, "sliding_window", None))


def layers_by_formula(config: Mapping[str, Any], item_bytes: int) -> tuple[CacheLayer, ...]:
    """2 × key-value heads × head size × bytes a value, for each layer.

    Raises:
        CourseError: the config names no heads or no layers.
    """
    layers = _first(config, "num_hidden_layers", "n_layer", "num_layers")
    heads = _first(config, "num_attention_heads", "n_head", "num_heads")
    width = _first(config, "hidden_size", "n_embd", "d_model")
    head_size = config.get("head_dim") or width // heads
    kv_heads = config.get("num_key_value_heads") or heads
    return (CacheLayer(2 * kv_heads * head_size * item_bytes),) * layers


def _first(config: Mapping[str, Any], *names: str) -> int:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    raise CourseError(f"This config has no {names[0]} (a positive whole number).")
