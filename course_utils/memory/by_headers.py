"""What a model consists of by its headers alone, without torch or transformers.

For families of decoders that are built alike, what loads is what is stored, but for a few buffers.
Each family in ``FAMILIES`` is held against loaded tensors by a test; for any other model, and where
config and headers leave a question, ``exact_by_headers`` steps aside.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from course_utils.memory.checkpoint import FLOATS, Checkpoint
from course_utils.memory.headers import StoredTensor
from course_utils.memory.inventory import (
    Inventory,
    attention_of,
    experts_of,
    sizes_of,
)
from course_utils.memory.kv_cache import Cache, CacheLayer, layers_by_formula
from course_utils.memory.packing import told_by_names
from course_utils.memory.weights import ITEM_BYTES, Tensor

LAYER = re.compile(r"(.*\.(?:layers|h)\.)(\d+)\.(.+)")
# transformers stacks the matrices of all experts of a layer: two kinds of them in one tensor.
EXPERT = re.compile(r"(.+\.experts\.)\d+\.(\w+)\.weight")
STACKED = {
    **dict.fromkeys(("gate_proj", "up_proj", "w1", "w3"), "gate_up_proj"),
    **dict.fromkeys(("down_proj", "w2"), "down_proj"),
}
# Counts that a config.json must give itself: classes differ in what they put in their place.
WANTED = ("num_key_value_heads", "intermediate_size")


@dataclass(frozen=True)
class Family:
    """Decoders that are built alike, by the names of their tensors.

    ``linear`` is what bitsandbytes replaces, ``ignored`` what is stored and never loaded.
    ``rotaries``: sets of rotary frequencies, each kept twice, in float32. ``ties``: the head is the
    embedding, where the config does not say. ``attention``: the kernel that it is built with.

    What a config.json leaves out is what transformers' class says: ``window`` is its sliding
    window, and ``has_switch`` that one counts only where ``use_sliding_window`` is set;
    ``rotary_share`` of a head is turned, and biases are built only where it asks for them.
    """

    linear: str = r"model\.layers\.\d+\.(self_attn|mlp)\.(\w+_proj|c_fc)\.weight"
    other: str = r"model\.layers\.\d+\.[\w.]+|model\.(embed_tokens|norm)\.\w+|lm_head\.weight"
    ignored: str = r"[\w.]+\.rotary_emb\.inv_freq"
    embedding: str = "model.embed_tokens.weight"
    ties: bool = False
    transposed: bool = False
    rotaries: int = 1
    scales_embedding: bool = False
    attention: str = "sdpa"
    is_hybrid: bool = False
    window: int | None = None
    has_switch: bool = False
    has_experts: bool = False
    rotary_share: float = 1
    asks_for_biases: bool = False
    wanted: tuple[str, ...] = WANTED


FAMILIES = {
    **dict.fromkeys(("llama", "phi3", "granite", "olmo2"), Family()),
    **dict.fromkeys(("qwen2", "qwen3"), Family(has_switch=True)),
    "mixtral": Family(has_experts=True),
    "qwen3_moe": Family(
        has_switch=True, has_experts=True, wanted=(*WANTED, "moe_intermediate_size")
    ),
    "mistral": Family(window=4096),
    "smollm3": Family(ties=True, has_switch=True),
    "stablelm": Family(rotary_share=0.25, asks_for_biases=True),
    "starcoder2": Family(ties=True),
    "gemma2": Family(
        ties=True, scales_embedding=True, is_hybrid=True, attention="eager", window=4096
    ),
    "gemma3_text": Family(
        ties=True, scales_embedding=True, is_hybrid=True, rotaries=2, window=4096
    ),
    "gpt2": Family(
        linear=r"(transformer\.)?h\.\d+\.(attn|mlp)\.c_\w+\.weight",
        other=r"(transformer\.)?(h\.\d+\.[\w.]+|wte\.weight|wpe\.weight|ln_f\.\w+)|lm_head\.weight",
        ignored=r"(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)",
        embedding="transformer.wte.weight",
        ties=True,
        transposed=True,
        rotaries=0,
        wanted=(),
    ),
}
HEAD = "lm_head.weight"
LANGUAGE_MODEL = re.compile(r"\w+ForCausalLM|GPT2LMHeadModel")
# Fields with which a model is built in another way than the tests have seen.
UNPROVEN = ("use_bidirectional_attention", "attention_chunk_size", "per_layer_config")
QKV_BIAS = "model.layers.0.self_attn.q_proj.bias"
# What a config asks for, and a tensor that is there if it got it.
BIASES = {
    "attention_bias": "model.layers.0.self_attn.o_proj.bias",
    "use_qkv_bias": QKV_BIAS,
    "use_bias": QKV_BIAS,
    "mlp_bias": "model.layers.0.mlp.down_proj.bias",
}


def exact_by_headers(checkpoint: Checkpoint, dtype: str | None) -> Inventory | None:
    """The inventory of a model of a proven family whose headers leave no question; else None."""
    fields = checkpoint.config
    family = family_of(fields)
    if family is None or fields.get("quantization_config") or told_by_names(checkpoint.tensors):
        return None
    loads_in = dtype or named_dtype(fields) or checkpoint.found_dtype
    if loads_in not in FLOATS:
        return None
    if not checkpoint.once("no question", lambda: _leaves_no_question(checkpoint, family)):
        return None
    layers = layers_by_formula(fields, ITEM_BYTES[loads_in], _window(fields, family))
    if layers is None or not _sizes_agree(checkpoint, family, layers[0], ITEM_BYTES[loads_in]):
        return None
    parameters = _parameters(checkpoint, family, loads_in)
    return Inventory(
        name=checkpoint.name,
        dtype=loads_in,
        tensors=(*parameters, *_buffers(fields, family, loads_in)),
        cache=Cache(layers),
        sizes=sizes_of(fields, parameters),
        attention=attention_of(fields, family.attention),
        experts=experts_of(fields),
        stored=checkpoint.stored_bytes,
    )


def family_of(fields: Mapping[str, Any]) -> Family | None:
    """The proven family of the language model that the fields of a config.json describe, if any."""
    named = next(iter(fields.get("architectures") or ()), "")
    if not LANGUAGE_MODEL.fullmatch(str(named)):
        return None
    return FAMILIES.get(str(fields.get("model_type")))


def named_dtype(fields: Mapping[str, Any]) -> str | None:
    """The dtype that a config.json names, by either of its names."""
    found = fields.get("dtype") or fields.get("torch_dtype")
    return found if isinstance(found, str) else None


def _window(fields: Mapping[str, Any], family: Family) -> int | None:
    """Of the layers that slide, by the config, else by its class."""
    window = fields.get("sliding_window", family.window)
    return None if family.has_switch else window


def _parameters(checkpoint: Checkpoint, family: Family, dtype: str) -> list[Tensor]:
    found, stacks = [], Counter[tuple[str, tuple[int, ...]]]()
    for name, tensor in checkpoint.tensors.items():
        if re.fullmatch(family.ignored, name):
            continue
        expert = EXPERT.fullmatch(name)
        if expert:
            stacks[expert[1] + STACKED[expert[2]], tensor.shape] += 1
            continue
        linear = bool(re.fullmatch(family.linear, name))
        shape = tensor.shape[::-1] if linear and family.transposed else tensor.shape
        found.append(Tensor(name, shape, dtype, quantizable=linear))
    return found + [Tensor(name, (n, *shape), dtype) for (name, shape), n in stacks.items()]


def _buffers(fields: Mapping[str, Any], family: Family, dtype: str) -> list[Tensor]:
    heads = fields.get("num_attention_heads") or 1
    head_size = fields.get("head_dim") or fields.get("hidden_size", 0) // heads
    rope = fields.get("rope_parameters") or {}
    share = rope.get("partial_rotary_factor") or fields.get("partial_rotary_factor")
    share = share or family.rotary_share
    frequencies = -(-int(head_size * share) // 2)
    rotary = Tensor("inv_freq", (frequencies,), "float32", is_parameter=False)
    scale = Tensor("embed_scale", (), dtype, is_parameter=False)
    return [rotary] * 2 * family.rotaries + [scale] * family.scales_embedding


# --- Do the headers leave a question? ------------------------------------------------------------


def _leaves_no_question(checkpoint: Checkpoint, family: Family) -> bool:
    """Every tensor is one that the family knows, and none is missing or stored twice."""
    fields, tensors = checkpoint.config, checkpoint.tensors
    depth = fields.get("num_hidden_layers", fields.get("n_layer"))
    window = _window(fields, family)
    counts = [depth, *map(fields.get, family.wanted), *([] if window is None else [window])]
    if not all(type(one) is int and one > 0 for one in counts):
        return False
    if family.has_experts and experts_of(fields) is None:
        return False
    if not isinstance(fields.get("rope_parameters") or {}, Mapping):
        return False
    if any(fields.get(name) for name in UNPROVEN):
        return False
    if family.has_switch and fields.get("use_sliding_window"):
        return False
    known = re.compile("|".join((family.linear, family.other, family.ignored)))
    ties = fields.get("tie_word_embeddings", family.ties)
    if not tensors or (HEAD in tensors) == ties:
        return False
    if any(fields.get(asked) and bias not in tensors for asked, bias in BIASES.items()):
        return False
    if family.asks_for_biases and not fields.get("use_qkv_bias") and QKV_BIAS in tensors:
        return False
    if family.is_hybrid and len(set(fields.get("layer_types") or ())) < 2:
        return False
    if not all(known.fullmatch(name) and one.is_floating for name, one in tensors.items()):
        return False
    return _layers_are_alike(tensors, depth)


def _layers_are_alike(tensors: Mapping[str, StoredTensor], depth: int) -> bool:
    found = sorted(
        (int(match[2]), match[3], tensors[match[0]].shape)
        for match in map(LAYER.fullmatch, tensors)
        if match
    )
    layers = {
        number: [part[1:] for part in parts] for number, parts in groupby(found, lambda one: one[0])
    }
    return list(layers) == list(range(depth)) and all(one == layers[0] for one in layers.values())


def _sizes_agree(
    checkpoint: Checkpoint, family: Family, layer: CacheLayer, item_bytes: int
) -> bool:
    """The embedding is as the config says, and so are the first layer's heads and inner width."""
    fields = checkpoint.config
    sizes = sizes_of(fields)
    embedding = checkpoint.tensor(family.embedding)
    if embedding is None or embedding.shape != (sizes.vocabulary, sizes.width):
        return False
    heads = fields.get("num_attention_heads", fields.get("n_head"))
    keys = layer.token_bytes // item_bytes // 2
    queries = keys // fields.get("num_key_value_heads", heads) * heads
    inner = sizes.inner
    wanted = {
        "self_attn.k_proj.weight": (keys, sizes.width),
        "self_attn.q_proj.weight": (queries, sizes.width),
        "self_attn.qkv_proj.weight": (queries + 2 * keys, sizes.width),
        "mlp.down_proj.weight": (sizes.width, inner),
        "mlp.c_proj.weight": (inner, sizes.width) if family.transposed else (sizes.width, inner),
    }
    first = {
        match[3]: tensor.shape
        for match, tensor in (
            (LAYER.fullmatch(name), one) for name, one in checkpoint.tensors.items()
        )
        if match and match[2] == "0"
    }
    return all(first.get(name, shape) == shape for name, shape in wanted.items())
