"""The KV cache: what the keys and values of each layer take after so many tokens.

For a layer with attention, each token of each sequence leaves a key and a value for every key-value
head: 2 × heads × head size × bytes of a value. Grouped heads make it smaller, a sliding window
bounds it, layers that share it have none of their own, and latent attention (MLA) keeps one small
vector for all heads together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The cache's name in what a model puts out: since transformers 5.24, before it, and before it for
# models with states.
CACHE_NAMES = ("cache", "past_key_values", "cache_params")
PROBE_TOKENS = 4  # sent through a model without memory
PROBE_ENCODED = 8  # and so many came from its encoder
FOUR = 4  # dimensions of keys: batch, heads, tokens, head size


@dataclass(frozen=True)
class CacheLayer:
    """What one layer keeps of each token of each sequence, in bytes.

    ``window``: a sliding layer looks back at so many tokens. ``tokens``: what does not grow with
    the context keeps so many: the states of linear attention one, the attention to an encoder of
    fixed length as many as that puts out.
    """

    token_bytes: int
    window: int | None = None
    tokens: int | None = None

    def held(self, context: int, prefill: bool) -> int:
        """Tokens in storage after a decode step, or when the whole prompt went through at once.

        A sliding layer keeps ``window - 1`` tokens, and the one just decoded lies in the same
        storage; after prefill its storage is still that of the whole prompt.
        """
        if self.tokens is not None:
            return self.tokens
        if self.window is None or prefill:
            return context
        return min(context, self.window)


@dataclass(frozen=True)
class Cache:
    """``layers`` hold keys and values; ``states`` is what else a cache keeps (linear attention's
    states, an indexer's keys)."""

    layers: tuple[CacheLayer, ...] = ()
    states: tuple[CacheLayer, ...] = ()
    notes: tuple[str, ...] = ()


def cache_bytes(
    layers: Iterable[CacheLayer], context: int, batch: int, prefill: bool = False
) -> int:
    """Bytes of storage that keys and values hold in transformers' ``DynamicCache``."""
    return batch * sum(layer.token_bytes * layer.held(context, prefill) for layer in layers)


# --- By formula ----------------------------------------------------------------------------------


def window_of(fields: Mapping[str, Any]) -> int | None:
    """The sliding window that a config spells out, where it does not switch it off."""
    return fields.get("sliding_window") if fields.get("use_sliding_window", True) else None


def layers_by_formula(
    fields: Mapping[str, Any], item_bytes: int, window: int | None
) -> tuple[CacheLayer, ...] | None:
    """The cache layers of a decoder whose layers are all alike but for their windows.

    None where the config does not spell out its sizes, or layers slide without a window.
    """
    depth = fields.get("num_hidden_layers", fields.get("n_layer"))
    heads = fields.get("num_attention_heads", fields.get("n_head"))
    width = fields.get("hidden_size", fields.get("n_embd"))
    kv_heads = fields.get("num_key_value_heads", heads)
    if not all(type(one) is int and one > 0 for one in (depth, heads, width, kv_heads)):
        return None
    head_size = fields.get("head_dim") or width // heads
    windows = {"sliding_attention": window, "full_attention": None, None: window}
    kinds = fields.get("layer_types") or [None] * depth
    if len(kinds) != depth or not windows.keys() >= set(kinds):
        return None
    if window is None and "sliding_attention" in kinds:
        return None
    return tuple(CacheLayer(2 * kv_heads * head_size * item_bytes, windows[kind]) for kind in kinds)


# --- By observation ------------------------------------------------------------------------------


def observed_cache(model: PreTrainedModel) -> Cache:
    """The cache of a model on the meta device, seen by sending it a few tokens.

    Nothing is computed there: only shapes go through, and the cache that comes out is the real one
    in all but its numbers.
    """
    encoder = _encoder(model)
    if encoder is None and model.main_input_name != "input_ids":
        return Cache()
    before = _kept_by_modules(model)
    output, found, tokens = None, None, PROBE_TOKENS
    for reads_text in (True, False):
        try:
            with _only_shapes(model):
                output, found, tokens = _run(model, encoder, reads_text)
            break
        except Exception:  # models can want more than a few tokens, each in its own way
            continue
    if output is None:
        return _cache_by_config(model)
    own = getattr(getattr(found, "self_attention_cache", found), "layers", ())
    cross = getattr(getattr(found, "cross_attention_cache", None), "layers", ())
    layers = [one for layer in own for one in _layer(layer, tokens)]
    fixed = encoder.length if encoder else None
    layers += [one for layer in cross for one in _layer(layer, PROBE_ENCODED, fixed)]
    states = [state for layer in own for state in _states(layer)]
    kept = _kept_by_modules(model)
    outside = [*_tensors([kept[name] for name in kept.keys() - before.keys()])]
    held = getattr(found, "__dict__", {})
    outside += _tensors([held[name] for name in held if name != "layers"])
    outside += _tensors(output.get("state"))
    states += [CacheLayer(_storage(tensor), tokens=1) for tensor in outside]
    notes: tuple[str, ...] = (encoder.note,) if encoder else ()
    if states:
        notes += ("layers of linear attention keep a state of fixed size in place of keys",)
    elif not layers and model.can_generate():
        notes += ("no cache was seen: what it keeps between two tokens is not counted",)
    return Cache(tuple(layers), tuple(states), notes)


def _run(
    model: PreTrainedModel, encoder: _Encoder | None, reads_text: bool
) -> tuple[Any, Any, int]:
    """What comes out for a few tokens, the cache, and how many tokens it has seen.

    Some models do not hand out their cache; ``generate`` gives them one, and so does this. Where
    they keep something in their modules, it is seen after one token more, as in decoding.
    """
    from transformers import DynamicCache

    inputs = _inputs(model, encoder, reads_text)
    output = model(**inputs)
    found = cache_in(output)
    if hasattr(found, "layers") or hasattr(found, "self_attention_cache") or encoder:
        return output, found, PROBE_TOKENS
    empty: Any = DynamicCache
    given = empty(config=model.config)
    try:
        model(**inputs, past_key_values=given, use_cache=True)
    except (TypeError, ValueError):  # it takes none
        return output, _NoCache(), PROBE_TOKENS
    one_more = {name: tensor[:, :1] for name, tensor in inputs.items()}
    return model(**one_more, past_key_values=given, use_cache=True), given, PROBE_TOKENS + 1


class _NoCache:
    """In place of a cache, where a model has none of transformers'."""


def _kept_by_modules(model: PreTrainedModel) -> dict[tuple[str, str], Any]:
    """What hangs on modules for the one sequence of the probe, and is no parameter or buffer."""
    return {
        (name, attribute): value
        for name, module in model.named_modules()
        for attribute, value in vars(module).items()
        if hasattr(value, "untyped_storage") and value.dim() > 1 and value.shape[0] == 1
    }


def _tensors(kept: Any) -> Iterator[Any]:
    """Those in lists and dicts, however deep."""
    if hasattr(kept, "untyped_storage"):
        yield kept
    elif isinstance(kept, Mapping):
        yield from _tensors(list(kept.values()))
    elif isinstance(kept, (list, tuple)):
        for one in kept:
            yield from _tensors(one)


def cache_in(output: Mapping[str, Any]) -> Any:
    """The cache in what a model put out, or None, by whichever name this transformers gives it.

    The names that are there are looked through: asking for an older one prints a warning.
    """
    parts = dict(output.items())
    return next((parts[name] for name in CACHE_NAMES if parts.get(name)), None)


@dataclass(frozen=True)
class _Encoder:
    """Where a decoder's cross-attention reads. It puts out ``length`` entries, if given."""

    reads_text: bool
    length: int | None
    note: str


def _encoder(model: PreTrainedModel) -> _Encoder | None:
    if not model.config.is_encoder_decoder:
        return None
    if model.main_input_name == "input_ids":
        return _Encoder(True, None, "the encoder reads as many tokens as the decoder: the context")
    length = getattr(model.config, "max_source_positions", None)
    if model.config.model_type == "whisper":
        note = f"the encoder puts out {length:,} entries (30 s of sound), however short the sound"
        return _Encoder(False, length, note)
    return _Encoder(False, None, "the encoder is taken to put out as many entries as the context")


def _inputs(model: PreTrainedModel, encoder: _Encoder | None, reads_text: bool) -> dict[str, Any]:
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    def tokens(rows: int, columns: int) -> torch.Tensor:
        return torch.ones(rows, columns, dtype=torch.long)

    if encoder is None:
        return {"input_ids": tokens(1, PROBE_TOKENS)}
    streams = getattr(getattr(model.config, "decoder", None), "num_codebooks", 1)
    inputs = {"decoder_input_ids": tokens(streams, PROBE_TOKENS)}
    if encoder.reads_text and reads_text:
        return {**inputs, "input_ids": tokens(1, PROBE_ENCODED)}
    encoded = torch.empty(1, PROBE_ENCODED, model.config.hidden_size, dtype=model.dtype)
    output = BaseModelOutput(last_hidden_state=encoded)
    output.attention_mask = None
    return {**inputs, "encoder_outputs": output}


@contextmanager
def _only_shapes(model: PreTrainedModel) -> Iterator[None]:
    """Lets a model run where tensors have no numbers.

    Experts are not chosen. Code that asks a tensor for its number gets 0, for its truth False.
    """
    import torch
    from torch.distributions import Distribution
    from torch.utils._python_dispatch import TorchDispatchMode

    class NoNumbers(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch names no types
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if function is torch.ops.aten._local_scalar_dense.default:
                return torch.zeros((), dtype=args[0].dtype, device="cpu").item()
            return function(*args, **(kwargs or {}))

    no_numbers: Callable[[], Any] = NoNumbers
    for module in model.modules():
        if type(module).__name__.endswith("Experts"):
            module.forward = lambda hidden, *_, **__: hidden
    model.set_attn_implementation("eager")
    model.config.use_cache = True
    validates = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        with torch.no_grad(), torch.device("meta"), no_numbers():
            yield
    finally:
        Distribution.set_default_validate_args(validates)


def _layer(layer: Any, tokens: int, fixed: int | None = None) -> Iterator[CacheLayer]:
    """What grows with the tokens; and, where a layer holds more of them than went in, the rest."""
    held = [getattr(layer, name, None) for name in ("keys", "values")]
    size = sum(_storage(tensor) for tensor in held if tensor is not None)
    if not size:
        return
    keys = held[0]
    rows = keys.shape[-2] if keys is not None and keys.dim() == FOUR else tokens
    window = getattr(layer, "sliding_window", None)
    if rows <= tokens:
        yield CacheLayer(size // tokens, window, fixed)
        return
    yield CacheLayer(size // rows, window, fixed)
    yield CacheLayer(size // rows, tokens=rows - tokens)  # a learned prompt before each text


def _states(layer: Any) -> Iterator[CacheLayer]:
    for name in ("conv_states", "recurrent_states"):
        found = getattr(layer, name, None) or ()
        for state in found.values() if isinstance(found, Mapping) else (found,):
            if hasattr(state, "untyped_storage"):
                yield CacheLayer(_storage(state), tokens=1)
    indexer = getattr(layer, "indexer_keys", None)
    if indexer is not None:
        yield CacheLayer(_storage(indexer) // PROBE_TOKENS)


def _storage(tensor: Any) -> int:
    return int(tensor.untyped_storage().nbytes())


def _cache_by_config(model: PreTrainedModel) -> Cache:
    """By formula, with transformers' word on which layers slide, share or keep a state instead."""
    from transformers import DynamicCache

    if not model.can_generate():
        return Cache()
    config = model.config.get_text_config(decoder=True)
    fields = config.to_dict()
    alike = layers_by_formula(fields, model.dtype.itemsize, window_of(fields))
    if alike is None or model.config.is_encoder_decoder:
        return Cache(notes=("its KV cache could not be worked out and is not counted",))
    kinds: Any = DynamicCache(config=config).layers or [None] * len(alike)
    layers = tuple(
        CacheLayer(one.token_bytes, getattr(kind, "sliding_window", None))
        for one, kind in zip(alike, kinds, strict=False)
        if kind is None or (hasattr(kind, "keys") and type(kind).__name__ != "DummyLayer")
    )
    return Cache(layers, notes=("its KV cache is by formula, for it could not be observed",))
