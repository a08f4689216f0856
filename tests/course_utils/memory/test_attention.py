"""The scores of attention: who holds them, on which GPU, and how much that is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import CONFIG_MAPPING, DynamicCache, Gemma3ForCausalLM
from transformers.integrations.sdpa_attention import use_gqa_in_sdpa

import course_utils as cu
from course_utils.gpus import Device
from course_utils.memory import read_checkpoint
from course_utils.memory.assumptions import Assumptions
from course_utils.memory.attention import mask_bytes
from course_utils.memory.estimate import inventory_of
from tests.support.catalogue import fields_of

GIB = 2**30
LLAMA_3, LLAMA_2 = "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-2-7b-chat-hf"
GEMMA_2 = {"hidden_size": 3584, "intermediate_size": 14336, "num_hidden_layers": 42}
GEMMA_2 |= {"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 256}


def config(repo_id: str, **changes: Any) -> Any:
    fields = fields_of(repo_id) | changes
    return CONFIG_MAPPING[fields["model_type"]].from_dict(fields)


def estimate(model: Any, context: int = 8192, **options: Any) -> cu.MemoryEstimate:
    return cu.estimate_memory(model, "float16", "nf4", context, **options)


@pytest.mark.parametrize(("context", "least"), [(4096, 10.9), (8192, 25.3)])
def test_grouped_heads_are_dear_on_a_t4(context, least):
    found = estimate(config(LLAMA_3), context, gpu="T4")
    assert found.total.high > found.total.expected > found.total.low
    assert found.total.low / GIB == pytest.approx(least, abs=0.6)
    assert "7.5" in str(found) and found.attention.low < found.attention.high


@pytest.mark.parametrize("gpu", ["L4", "A100", "H100", None])
def test_from_ampere_on_the_kernel_holds_no_scores(gpu):
    assert estimate(config(LLAMA_3), gpu=gpu).attention.high == 0


def test_as_many_keys_as_heads_need_no_scores():
    assert estimate(config(LLAMA_2), gpu="T4").attention.high == 0


def test_in_bfloat16_a_t4_has_no_fused_kernel_at_all():
    found = cu.estimate_memory(config(LLAMA_2), "bfloat16", None, 4096, gpu="T4")
    assert found.attention.expected > 32 * 4096**2 * 9


@pytest.mark.parametrize(("window", "holds"), [(4096, False), (16_384, True), (None, True)])
def test_where_every_layer_slides_a_mask_is_needed_and_heads_are_repeated(window, holds):
    mistral = config("mistralai/Mistral-7B-Instruct-v0.3", sliding_window=window)
    found = estimate(mistral, gpu="T4").attention
    assert ("MATH" in found.basis) is holds
    masked = 8192**2 * (1 + 2) + 2 * 32 * 128 * 8192 * 2
    assert found.expected == (int(32 * 8192**2 * 9.4) if holds else masked)


def test_transformers_asks_for_grouped_heads_as_this_package_believes():
    def keys(size: int) -> torch.Tensor:
        return torch.empty(1, 2, 4, size)

    mask = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    assert use_gqa_in_sdpa(None, keys(256), keys(256))
    assert not use_gqa_in_sdpa(None, keys(288), keys(288))
    assert not use_gqa_in_sdpa(mask, keys(128), keys(128))


def test_eager_is_asked_of_the_model_as_it_is_built():
    gemma = estimate(config("google/gemma-2-2b-it", **GEMMA_2), gpu="T4")
    assert gemma.attention.expected == (16 * 8 + 2 * 2) * 8192**2  # scores, and two masks
    assert gemma.total.expected > 14.6 * GIB
    on_new = estimate(config("google/gemma-2-2b-it"), gpu="H100").attention
    assert on_new == estimate(config("google/gemma-2-2b-it")).attention
    assert on_new.expected and estimate(config("bigscience/bloom-560m")).attention.expected
    changed = config(LLAMA_3)
    changed._attn_implementation = "eager"
    assert estimate(changed, gpu="H100").attention.expected == (32 * 8 + 2) * 8192**2


GEMMA_3 = {
    **{"hidden_size": 64, "intermediate_size": 64, "vocab_size": 64, "num_hidden_layers": 2},
    **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "sliding_window": 32},
    "layer_types": ["sliding_attention", "full_attention"],
}


def masks_seen(model: Any, rows: list[int]) -> int:
    """Bytes of the masks that the layers were given with the last of these pieces of a prompt."""
    seen: dict[int, int] = {}

    def look(_: Any, __: Any, given: dict[str, Any]) -> None:
        mask = given["attention_mask"]
        if mask is not None:
            seen[mask.untyped_storage().data_ptr()] = mask.untyped_storage().nbytes()

    for layer in model.model.layers:
        layer.self_attn.register_forward_pre_hook(look, with_kwargs=True)
    cache = DynamicCache(config=model.config)
    for number, piece in enumerate(rows, start=1):
        seen.clear()
        ids, everyone = (torch.ones(2, n, dtype=torch.long) for n in (piece, number * piece))
        model(ids, attention_mask=everyone, past_key_values=cache)  # as generate() gives it
    return sum(seen.values())


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("rows", [[24], [32], [96], [64, 64], [16] * 8])
def test_masks_are_those_that_the_layers_are_given(kernel, rows):
    small = CONFIG_MAPPING["gemma3_text"](**GEMMA_3)
    small._attn_implementation = kernel
    model = Gemma3ForCausalLM._from_config(small, dtype=torch.bfloat16).eval()
    assumed = Assumptions(context=sum(rows), batch=2, chunk=rows[-1])
    found = inventory_of(read_checkpoint(model), None)
    assert found.attention.kernel == kernel
    assert mask_bytes(found, assumed) == masks_seen(model, rows)


def test_a_window_shorter_than_the_prompt_costs_a_mask_on_every_gpu():
    gemma, pairs = config("google/gemma-3-1b-it"), 8192**2
    found = estimate(gemma, gpu="H100").attention
    repeated = 2 * 4 * 256 * 8192 * 2
    assert found.low == pairs + repeated
    assert (found.expected, found.high) == (found.low + 2 * pairs, found.low + 4 * pairs)
    assert "window" in found.basis and found == estimate(gemma).attention
    assert estimate(gemma, 256, gpu="H100").attention.high == 0


def test_prompts_of_different_lengths_need_a_mask_which_high_allows_for():
    one, eight = (estimate(config(LLAMA_3), gpu="H100", batch=n).attention for n in (1, 8))
    assert one.high == eight.low == eight.expected == 0
    assert eight.high == 8 * (8192**2 * (1 + 2 * 2) + 2 * 32 * 128 * 8192 * 2)


def test_prompt_and_answer_are_two_numbers():
    llama = config(LLAMA_3)
    whole, half = estimate(llama, gpu="T4"), estimate(llama, gpu="T4", prompt=4096)
    assert half.attention.expected * 4 == pytest.approx(whole.attention.expected, rel=1e-6)
    assert half.kv_cache == whole.kv_cache
    assert half.activations.expected < whole.activations.expected
    assert estimate(llama, gpu="T4", prompt=8192).total == whole.total
    assert "4,096 of them the prompt" in str(half)
    for prompt in (0, 8193, "all", True):
        with pytest.raises(cu.CourseError, match="prompt accepts a whole number from 1 to 8,192"):
            estimate(llama, prompt=prompt)


def test_of_a_gpu_in_bytes_nobody_knows_how_old_it_is():
    in_bytes, as_t4 = estimate(config(LLAMA_3), gpu=16 * GIB), estimate(config(LLAMA_3), gpu="T4")
    assert in_bytes.attention.high == 0
    more = f"{as_t4.attention.expected / GIB:.1f} GiB more"
    assert any(more in note and "name" in note for note in in_bytes.notes)
    for other in (estimate(config(LLAMA_2), gpu=16 * GIB), as_t4, estimate(config(LLAMA_3))):
        assert not any("older" in note for note in other.notes)


def test_a_gated_model_on_a_t4_is_warned_of():
    gated, truth = estimate(LLAMA_3, gpu="T4"), estimate(config(LLAMA_3), gpu="T4")
    assert gated.attention.low <= truth.attention.expected <= gated.attention.high


def test_a_prompt_in_pieces_is_a_way_and_its_scores_are_those_of_a_piece():
    fits = cu.ways_to_fit(config(LLAMA_3), "T4", 8192)
    by_way = {way.way: way for way in fits}
    assert by_way["nf4"].verdict == "does not fit"
    pieces = by_way["nf4, in pieces"]
    assert pieces.verdict == "fits" and pieces.chunk == 1024
    assert "prefill_chunk_size = 1024" in pieces.code
    assert not any(way.chunk for way in cu.ways_to_fit(config(LLAMA_3), "L4", 8192))
    assert not any(way.chunk for way in cu.ways_to_fit(config(LLAMA_3), "T4", 1024))


def test_the_code_of_a_prompt_in_pieces_runs_and_changes_no_answer(monkeypatch, hub):
    monkeypatch.setattr("course_utils.fit.ways.CHUNK", 16)
    roomy = Device("cuda", "Tesla T4", GIB, GIB, "7.5", False)
    most = cu.ways_to_fit("practice/tiny-chat", roomy, 900)[0].high
    tight = Device("cuda", "Tesla T4", most - 1, most - 1, "7.5", False)
    way = next(way for way in cu.ways_to_fit("practice/tiny-chat", tight, 900) if way.chunk)
    names: dict[str, Any] = {}
    exec(way.code.replace('device_map={"": 0}', 'device_map="cpu"'), names)
    model, prompt = names["model"], torch.arange(1, 61).reshape(1, 60)
    assert model.generation_config.prefill_chunk_size == 16
    seen = []
    model.model.register_forward_hook(
        lambda module, args, kwargs, out: seen.append(out[0].shape[1]), with_kwargs=True
    )

    def answer() -> list[int]:
        tokens = model.generate(prompt, max_new_tokens=5, do_sample=False)
        return tokens[0, 60:].tolist()

    in_pieces = answer()
    assert max(seen) == 16
    model.generation_config.prefill_chunk_size = None
    assert answer() == in_pieces and max(seen) == 60
