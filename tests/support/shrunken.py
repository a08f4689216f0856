"""Real models of every shape, small enough to load: configs made narrow and shallow.

A shrunken config keeps what decides how bytes are counted (head size, grouping, pattern of layers,
experts, ties, biases) and gives up depth, width and vocabulary.
"""

from __future__ import annotations

from typing import Any

VOCABULARY = 384
INNER = 192
EXPERTS = 8
LAYERS = 2

DEPTHS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "num_decoder_layers")
DEPTHS += ("encoder_layers", "decoder_layers", "num_encoder_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads")
WIDTHS = ("hidden_size", "n_embd", "d_model", "dim")
INNERS = ("intermediate_size", "n_inner", "d_ff", "hidden_dim", "encoder_ffn_dim", "ffn_dim")
INNERS += ("decoder_ffn_dim", "moe_intermediate_size", "shared_expert_intermediate_size")
COUNTS = {"num_experts": EXPERTS, "num_local_experts": EXPERTS, "n_routed_experts": EXPERTS}
COUNTS |= {"n_group": 2, "topk_group": 1, "first_k_dense_replace": 1, "sliding_window": 8}
COUNTS |= {"num_experts_per_tok": 2, "experts_per_token": 2, "q_lora_rank": 64, "kv_lora_rank": 64}
COUNTS |= {"vocab_size_per_layer_input": VOCABULARY, "num_kv_shared_layers": 2}


def shrink(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a config.json, of a small model of the same kind."""
    small = {
        name: shrink(item) if isinstance(item, dict) else item for name, item in fields.items()
    }
    _shrink_depth(small)
    _shrink_width(small)
    _shrink_vocabulary(small)
    for names, most in ((INNERS, INNER), *(((name,), most) for name, most in COUNTS.items())):
        for name in names:
            if isinstance(small.get(name), int):
                small[name] = min(small[name], most)
    return small


def _shrink_depth(small: dict[str, Any]) -> None:
    """Fewer layers, but one of each kind, and what is listed layer by layer cut to as many."""
    kinds = small.get("layer_types") or []
    depth = max([LAYERS, *(kinds.index(kind) + 1 for kind in set(kinds))])
    lengths = {small[name] for name in DEPTHS if type(small.get(name)) is int}
    for name, value in small.items():
        if name in DEPTHS and type(value) is int:
            small[name] = min(value, depth)
        elif isinstance(value, list) and len(value) in lengths:
            small[name] = value[:depth]
        elif name == "per_layer_config" and isinstance(value, dict):
            small[name] = {key: one for key, one in value.items() if int(key) < depth}


def _shrink_width(small: dict[str, Any]) -> None:
    """Two groups of heads of the same size, and a width that holds them."""
    heads = next((small[name] for name in HEADS if isinstance(small.get(name), int)), None)
    width = next((small[name] for name in WIDTHS if isinstance(small.get(name), int)), None)
    if heads is None or width is None:
        return
    kv_heads = small.get("num_key_value_heads") or heads
    group = heads // kv_heads
    new_kv_heads = min(kv_heads, 2 if group < 4 else 1)
    new_heads = group * new_kv_heads
    new_width = width // heads * new_heads if width % heads == 0 else 64 * new_heads
    for name in (*HEADS, "decoder_attention_heads"):
        if isinstance(small.get(name), int):
            small[name] = new_heads
    for name in WIDTHS:
        if isinstance(small.get(name), int):
            small[name] = new_width
    if isinstance(small.get("num_key_value_heads"), int):
        small["num_key_value_heads"] = new_kv_heads
    if isinstance(small.get("word_embed_proj_dim"), int):
        small["word_embed_proj_dim"] = new_width


def _shrink_vocabulary(small: dict[str, Any]) -> None:
    if not isinstance(small.get("vocab_size"), int):
        return
    small["vocab_size"] = min(small["vocab_size"], VOCABULARY)
    for name, value in small.items():
        if name.endswith("_token_id") and isinstance(value, int):
            small[name] = min(value, small["vocab_size"] - 1)
        if name.endswith("_token_id") and isinstance(value, list):
            small[name] = [min(one, small["vocab_size"] - 1) for one in value]
