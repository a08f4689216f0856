"""One layer of each kind is driven, and the cache is that of driving them all."""

from __future__ import annotations

import re
from typing import Any

import pytest
import transformers

from course_utils.memory import kv_cache
from course_utils.memory.kv_cache import Cache, observed_cache
from course_utils.memory.layer_kinds import OneOfEachKind
from course_utils.memory.meta_model import build
from tests.support.catalogue import config_of
from tests.support.ground_truth import class_of

DEPTH = 8
SMALL = {
    "vocab_size": 256,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
}
ALTERNATING = ["sliding_attention", "full_attention"] * (DEPTH // 2)
LINEAR = (["linear_attention"] * 3 + ["full_attention"]) * (DEPTH // 4)
# Model type, class, fields, and how many layers are driven.
KINDS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "all alike": ("llama", "LlamaForCausalLM", {}, 1),
    "sliding and full": ("gemma2", "Gemma2ForCausalLM", {"layer_types": ALTERNATING}, 2),
    "dense first, then experts, one latent": (
        "deepseek_v3",
        "DeepseekV3ForCausalLM",
        {"first_k_dense_replace": 3, "n_routed_experts": 8, "n_group": 2, "topk_group": 1}
        | {"num_key_value_heads": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32},
        2,
    ),
    "linear attention in between": (
        "qwen3_next",
        "Qwen3NextForCausalLM",
        {"layer_types": LINEAR},
        2,
    ),
    "position bias in the first": ("t5", "T5ForConditionalGeneration", {"num_layers": DEPTH}, 4),
    "encoder and decoder": ("bart", "BartForConditionalGeneration", {}, 2),
}


def whole(config: Any, cls: type[Any], monkeypatch: pytest.MonkeyPatch) -> Cache:
    """The cache of a model that is driven through each of its layers."""

    def never(model: Any) -> Any:
        return None

    with monkeypatch.context() as patch:
        patch.setattr(kv_cache, "OneOfEachKind", never)
        return observed_cache(build("a model", config, cls, "bfloat16"))


def driven_layers(model: Any) -> set[str]:
    """The names of the layers whose own code runs from now on, filled while the model is driven."""
    names: set[str] = set()
    for layer_name, layer in model.named_modules():
        if re.fullmatch(r".*\.(layers|block)\.\d+", layer_name):
            for inside in layer.children():
                for part in inside.modules():
                    part.register_forward_pre_hook(lambda *_, name=layer_name: names.add(name))
    return names


@pytest.mark.parametrize("kind", KINDS)
def test_layers_that_differ_are_each_driven_once(kind, monkeypatch):
    model_type, name, fields, driven = KINDS[kind]
    config, cls = (
        transformers.CONFIG_MAPPING[model_type](**SMALL | fields),
        getattr(transformers, name),
    )
    model = build("a model", config, cls, "bfloat16")
    names = driven_layers(model)
    found = observed_cache(model)
    assert len(names) == driven
    assert len(found.layers) >= DEPTH // 4
    assert not any("by formula" in note for note in found.notes)
    assert found == whole(config, cls, monkeypatch)


@pytest.mark.parametrize(
    "repo_id", ["google/gemma-3-4b-it", "openai/gpt-oss-20b", "deepseek-ai/DeepSeek-V2-Lite-Chat"]
)
def test_a_model_of_the_catalogue_comes_out_as_if_driven_whole(repo_id, monkeypatch):
    config = config_of(repo_id)
    cls = class_of({"architectures": config.architectures})
    found = observed_cache(build(repo_id, config, cls, "bfloat16"))
    assert found.layers
    assert found == whole(config, cls, monkeypatch)


def test_one_layer_with_other_heads_is_a_kind_of_its_own():
    from torch import nn

    config = transformers.LlamaConfig(**SMALL)
    model = build("a model", config, transformers.LlamaForCausalLM, "bfloat16")
    odd = model.model.layers[5].self_attn
    for part in (odd.k_proj, odd.v_proj):
        part.weight = nn.Parameter(part.weight.repeat(2, 1))
    odd.num_key_value_groups = 1
    sizes = [layer.token_bytes for layer in observed_cache(model).layers]
    assert sizes == [128] * 5 + [256] + [128] * 2


def test_what_lies_outside_of_the_cache_has_each_layer_driven(monkeypatch):
    fields = SMALL | {"lru_width": 64, "attention_window_size": 16}
    fields["block_types"] = ["recurrent", "recurrent", "attention"]
    config, cls = (
        transformers.RecurrentGemmaConfig(**fields),
        transformers.RecurrentGemmaForCausalLM,
    )
    found = observed_cache(build("a model", config, cls, "bfloat16"))
    assert found.states
    assert found == whole(config, cls, monkeypatch)


def test_the_layers_have_their_own_forward_afterwards():
    config = transformers.LlamaConfig(**SMALL)
    model = build("a model", config, transformers.LlamaForCausalLM, "bfloat16")
    drive = OneOfEachKind(model)
    observed_cache(model)
    assert len(drive.layers) == DEPTH
    assert not any("forward" in vars(layer) for layer in model.model.layers)
