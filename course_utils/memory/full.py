"""First version: the full inventory."""

from __future__ import annotations

from typing import Any

from course_utils.hub_client import read_text
from course_utils.memory.cannot_tell import CannotTell
from course_utils.memory.estimate import MemoryEstimate, Range
from course_utils.memory.kv_cache import cache_bytes, observed_layers
from course_utils.memory.skeleton import build, tensors_of
from course_utils.memory.weights import weight_bytes


def full_estimate(model: Any, dtype: Any, quantization: Any, context: int, batch: int):
    import json

    import transformers

    if isinstance(model, str):
        text = read_text(model, "config.json")
        if text is None:
            raise CannotTell(model, "no config.json")
        fields = json.loads(text)
        if fields.get("model_type") not in transformers.CONFIG_MAPPING:
            raise CannotTell(model, "not a transformers model")
        config, name = transformers.CONFIG_MAPPING[fields["model_type"]].from_dict(fields), model
    else:
        config = model if not hasattr(model, "config") else model.config
        name = type(config).__name__
    dtype = dtype or str(config.dtype or "float32").removeprefix("torch.")
    skeleton = build(config, dtype)
    layers = observed_layers(skeleton)
    tensors = tensors_of(skeleton, dtype)
    weights = weight_bytes(tensors, quantization)
    kv = cache_bytes(layers, context, batch)
    text_config = config.get_text_config()
    width = getattr(text_config, "hidden_size", 1024)
    inner = getattr(text_config, "intermediate_size", None) or 4 * width
    vocabulary = getattr(text_config, "vocab_size", 0)
    step = batch * vocabulary * 6
    expected = step + batch * context * (2 * inner + 6 * width) * 2
    activations = Range(step, expected, expected + batch * context * vocabulary * 2, "formulas")
    runtime = Range(140 * 2**20, 350 * 2**20, 700 * 2**20, "public reports")
    fixed = weights + kv
    total = Range(
        fixed + activations.low + runtime.low,
        fixed + activations.expected + runtime.expected,
        fixed + activations.high + runtime.high,
        "the sum of the parts",
    )
    return MemoryEstimate(
        model=name,
        dtype=dtype,
        quantization=quantization,
        context=context,
        batch=batch,
        parameters=sum(t.values for t in tensors if t.is_parameter),
        active_parameters=None,
        weights=weights,
        weights_basis="exact",
        weights_range=(weights, weights),
        kv_cache=kv,
        kv_cache_prefill=cache_bytes(layers, context, batch, prefill=True),
        activations=activations,
        runtime=runtime,
        total=total,
    )
