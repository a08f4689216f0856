"""What models keep between two tokens outside of keys and values, or beside those of the text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import transformers
from transformers import DynamicCache

import course_utils as cu
from tests.support.ground_truth import class_of, config_of

CONTEXT, BATCH = 48, 2
DECODER = {
    "vocab_size": 256,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "dtype": "bfloat16",
}
MINIMAX = DECODER | {
    "model_type": "minimax",
    "architectures": ["MiniMaxForCausalLM"],
    "head_dim": 16,
    "num_local_experts": 2,
    "num_experts_per_tok": 1,
    "block_size": 16,
    "layer_types": ["linear_attention", "full_attention"] * 2,
}
RWKV = {
    "model_type": "rwkv",
    "architectures": ["RwkvForCausalLM"],
    "vocab_size": 256,
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "attention_hidden_size": 64,
    "intermediate_size": 128,
    "dtype": "bfloat16",
}
RECURRENT_GEMMA = DECODER | {
    "model_type": "recurrent_gemma",
    "architectures": ["RecurrentGemmaForCausalLM"],
    "attention_window_size": 16,
    "lru_width": 64,
    "block_types": ["recurrent", "recurrent", "attention"],
}
MAMBA = {
    "model_type": "mamba",
    "architectures": ["MambaForCausalLM"],
    "vocab_size": 256,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "state_size": 8,
    "dtype": "bfloat16",
}
CPMANT = {
    "model_type": "cpmant",
    "architectures": ["CpmAntForCausalLM"],
    "vocab_size": 256,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "dim_head": 16,
    "dim_ff": 128,
    "num_hidden_layers": 2,
    "dtype": "bfloat16",
}
GLM4_MOE_LITE = DECODER | {
    "model_type": "glm4_moe_lite",
    "architectures": ["Glm4MoeLiteForCausalLM"],
    "num_key_value_heads": 4,
    "moe_intermediate_size": 64,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "kv_lora_rank": 32,
    "q_lora_rank": 32,
    "qk_rope_head_dim": 16,
    "qk_nope_head_dim": 16,
    "v_head_dim": 32,
}


def model_of(fields: dict[str, Any]) -> Any:
    torch.manual_seed(0)
    return class_of(fields)._from_config(config_of(fields), dtype=torch.bfloat16).eval()


def tokens(count: int) -> torch.Tensor:
    return torch.ones(BATCH, count, dtype=torch.long)


def size(tensors: Any) -> int:
    """Storage of these, each once."""
    found = {one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in tensors}
    return sum(found.values())


def keys_and_values(cache: Any) -> Iterator[torch.Tensor]:
    for layer in cache.layers:
        held = getattr(layer, "keys", None), getattr(layer, "values", None)
        yield from (one for one in held if one is not None)


def decoded(model: Any, **start: Any) -> Any:
    """After a prompt, and one token more."""
    with torch.no_grad():
        first = model(input_ids=tokens(CONTEXT - 1), use_cache=True, **start)
        names = ("past_key_values", "cache_params", "state")
        kept = start or {name: first[name] for name in names if first.get(name) is not None}
        return model(input_ids=tokens(1), use_cache=True, **kept)


def found(fields: dict[str, Any]) -> tuple[int, int]:
    estimate = cu.estimate_memory(config_of(fields), context=CONTEXT, batch=BATCH)
    assert estimate.total.expected > estimate.weights + estimate.kv_cache + estimate.cache_states
    return estimate.kv_cache, estimate.cache_states


def test_a_cache_class_of_its_own():
    cache = decoded(model_of(MINIMAX)).past_key_values
    states = [one for one in cache.linear_cache if isinstance(one, torch.Tensor)]
    assert found(MINIMAX) == (size(keys_and_values(cache)), size(states))
    assert size(states) > 0


def test_states_in_the_output():
    states = decoded(model_of(RWKV)).state
    assert found(RWKV) == (0, size(states))


def test_states_on_the_modules_and_a_cache_that_only_generate_makes():
    model = model_of(RECURRENT_GEMMA)
    before = {id(one) for module in model.modules() for one in vars(module).values()}
    cache = DynamicCache(config=model.config)
    decoded(model, past_key_values=cache)
    states = [
        one
        for module in model.modules()
        for one in vars(module).values()
        if isinstance(one, torch.Tensor) and id(one) not in before
    ]
    assert found(RECURRENT_GEMMA) == (size(keys_and_values(cache)), size(states))
    assert size(states) > 0


def test_states_of_a_cache_that_has_no_keys():
    cache = decoded(model_of(MAMBA)).cache_params
    held = [
        one
        for layer in cache.layers
        for value in vars(layer).values()
        for one in (value.values() if isinstance(value, dict) else [value])
        if isinstance(one, torch.Tensor) and one.dim()
    ]
    assert found(MAMBA) == (0, size(held))


def test_latent_attention_without_heads_of_its_own():
    cache = decoded(model_of(GLM4_MOE_LITE)).past_key_values
    assert found(GLM4_MOE_LITE) == (size(keys_and_values(cache)), 0)


def test_a_learned_prompt_before_the_text():
    model = model_of(CPMANT)
    with torch.no_grad():
        cache = model(input_ids=tokens(CONTEXT), use_cache=True).past_key_values
    assert found(CPMANT)[0] == size(keys_and_values(cache))
    assert next(keys_and_values(cache)).shape[-2] > CONTEXT


def test_where_nothing_is_seen_it_is_said():
    fields = {"model_type": "xlnet", "vocab_size": 256, "d_model": 64, "n_layer": 2, "n_head": 4}
    config = config_of(fields | {"architectures": ["XLNetLMHeadModel"], "d_inner": 128})
    estimate = cu.estimate_memory(config)
    assert estimate.kv_cache == 0
    assert "not counted" in str(estimate), transformers.__version__
