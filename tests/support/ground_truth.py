"""What models take once they are loaded, added up from their tensors and from nothing else.

Kept apart from ``course_utils.memory`` on purpose: these are the figures it is held against. Only
what to ask of bitsandbytes is read there.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from course_utils.memory.quantization import QUANTIZATIONS


def config_of(fields: dict[str, Any]) -> PreTrainedConfig:
    return transformers.CONFIG_MAPPING[fields["model_type"]].from_dict(fields)


def class_of(fields: dict[str, Any]) -> type[PreTrainedModel]:
    return getattr(transformers, fields["architectures"][0])


def save_random(config: PreTrainedConfig, cls: type[PreTrainedModel], folder: Path) -> None:
    """A checkpoint with random weights, in the dtype that its config names."""
    torch.manual_seed(0)
    cls._from_config(config, dtype=config.dtype or torch.float32).save_pretrained(folder)


def load(
    cls: type[PreTrainedModel], folder: Path, dtype: str | None, quantization: str | None
) -> PreTrainedModel:
    """As a learner would: ``from_pretrained``, with or without a BitsAndBytesConfig."""
    how = BitsAndBytesConfig(**QUANTIZATIONS[quantization].options) if quantization else None
    return cls.from_pretrained(
        folder, dtype=getattr(torch, dtype) if dtype else None, quantization_config=how
    ).eval()


def resident_bytes(model: torch.nn.Module) -> int:
    """Storage of every tensor that hangs on the model, however it is attached; each once."""
    found = {}
    for module in model.modules():
        for tensor in _tensors(vars(module), depth=6):
            storage = tensor.untyped_storage()
            found[storage.data_ptr(), tensor.device] = storage.nbytes()
    return sum(found.values())


def _tensors(thing: Any, depth: int) -> Iterator[torch.Tensor]:
    """Through dicts, lists and the attributes of bitsandbytes' parameters and states."""
    if depth == 0 or thing is None or isinstance(thing, (str, int, float, torch.nn.Module)):
        return
    if isinstance(thing, torch.Tensor):
        yield thing
    if isinstance(thing, dict):
        inside: Any = thing.values()
    elif isinstance(thing, (list, tuple)):
        inside = thing
    else:
        inside = getattr(thing, "__dict__", {}).values()
    for one in inside:
        yield from _tensors(one, depth - 1)


def cache_bytes(model: PreTrainedModel, context: int, batch: int) -> tuple[int, int]:
    """Storage of keys and values: with a decode step as the last one, and after one prefill.

    An encoder gets as many tokens as the decoder, or the sound it is made for.
    """
    given = _encoder_input(model, context, batch)
    with torch.no_grad():
        whole = _run(model, context, batch, given)
        if not {"cache", "past_key_values"} & set(whole):
            return 0, 0
        first = _run(model, context - 1, batch, given)
        if model.config.is_encoder_decoder:
            hidden = first["encoder_last_hidden_state"]
            given = {"encoder_outputs": BaseModelOutput(last_hidden_state=hidden)}
        last = _run(model, 1, batch, given, cache_of(first))
    return _cache_storage(cache_of(last)), _cache_storage(cache_of(whole))


def cache_of(output: Any) -> Any:
    """What a model or ``generate()`` put out as its cache, by its name since transformers 5.24 or
    the one before."""
    return output["cache" if "cache" in output else "past_key_values"]


def _encoder_input(model: PreTrainedModel, tokens: int, batch: int) -> dict[str, Any]:
    if not model.config.is_encoder_decoder:
        return {}
    if model.main_input_name == "input_ids":
        return {"input_ids": torch.ones(batch, tokens, dtype=torch.long)}
    shape = batch, model.config.num_mel_bins, 2 * model.config.max_source_positions
    return {"input_features": torch.zeros(shape, dtype=model.dtype)}


def _run(
    model: PreTrainedModel, tokens: int, batch: int, given: dict[str, Any], past: Any = None
) -> Any:
    streams = getattr(getattr(model.config, "decoder", None), "num_codebooks", 1)
    decodes = model.config.is_encoder_decoder
    name = "decoder_input_ids" if decodes else "input_ids"
    ids = torch.ones(batch * (streams if decodes else 1), tokens, dtype=torch.long)
    model.config.get_text_config(decoder=True).use_cache = model.config.use_cache = True
    cache = "cache" if "cache" in signature(model.forward).parameters else "past_key_values"
    return model(**given, **{name: ids, cache: past})


def _cache_storage(cache: Any) -> int:
    parts = [
        getattr(cache, "self_attention_cache", cache),
        getattr(cache, "cross_attention_cache", None),
    ]
    held = [
        tensor
        for part in parts
        for layer in getattr(part, "layers", ())
        for tensor in (getattr(layer, "keys", None), getattr(layer, "values", None))
    ]
    return sum(tensor.untyped_storage().nbytes() for tensor in held if tensor is not None)
