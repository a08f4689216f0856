"""What lessons 05 and 09 say of the libraries, held against the installed versions."""

from __future__ import annotations

import json
import sys

import pytest
import torch
import transformers
from packaging.version import Version
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3MoeConfig,
)
from transformers.integrations import accelerate as placing

from course_utils.memory import measure_memory
from tests.support.random_weights import RandomTensor, load_random

CHAT = "practice/tiny-chat"
GPT2 = "openai-community/gpt2"
SMALL = {
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 256,
    "vocab_size": 512,
}
NF4 = BitsAndBytesConfig(
    load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
)


def test_what_4_bits_leave_in_16():
    config = Qwen2Config(**SMALL, tie_word_embeddings=True, architectures=["Qwen2ForCausalLM"])
    model = load_random(config, "bfloat16", NF4, "cpu")
    assert model.model.embed_tokens.weight.dtype == torch.bfloat16
    assert model.lm_head.weight is model.model.embed_tokens.weight
    weight = model.model.layers[0].mlp.up_proj.weight
    assert weight.dtype == torch.uint8 and weight.numel() == 128 * 256 / 2
    scales = weight.quant_state.absmax
    assert scales.dtype == torch.float32 and scales.numel() == 128 * 256 / 64
    mixture = Qwen3MoeConfig(
        **SMALL, num_experts=4, moe_intermediate_size=64, architectures=["Qwen3MoeForCausalLM"]
    )
    experts = load_random(mixture, "bfloat16", NF4, "cpu").model.layers[0].mlp.experts
    assert {tensor.dtype for tensor in experts.parameters()} == {torch.bfloat16}


def test_gpt2_stores_more_than_is_loaded():
    from huggingface_hub import HfApi

    stored = HfApi().get_safetensors_metadata(GPT2)
    names = stored.files_metadata["model.safetensors"].tensors
    masks = [tensor for name, tensor in names.items() if name.endswith(".attn.bias")]
    with torch.device("meta"):
        built = AutoModelForCausalLM.from_config(
            AutoConfig.from_pretrained("openai-community/gpt2")
        )
    assert sum(one.parameter_count for one in masks) == 12 * 1024**2
    assert sum(stored.parameter_count.values()) == built.num_parameters() + 12 * 1024**2


def test_what_a_token_leaves_in_the_cache():
    model = AutoModelForCausalLM.from_pretrained(CHAT)
    config = model.config
    head_size = config.hidden_size // config.num_attention_heads
    with torch.no_grad():
        _, cache = model(torch.ones(1, 77, dtype=torch.long), use_cache=True).to_tuple()
    numbers = sum(layer.keys.numel() + layer.values.numel() for layer in cache.layers)
    a_token = 2 * config.num_hidden_layers * config.num_key_value_heads * head_size
    assert numbers == 77 * a_token
    assert {layer.keys.dtype for layer in cache.layers} == {torch.bfloat16}


def test_the_older_name_of_the_cache(hub, run_python):
    code = """
import json, torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained("practice/tiny-chat")
output = model(torch.ones(1, 4, dtype=torch.long), use_cache=True)
_, cache = output.to_tuple()
newer = getattr(output, "cache", None) is cache
print(json.dumps([list(output.keys()), newer, output.past_key_values is cache]))
"""
    told = run_python(code, HF_ENDPOINT=hub.url)
    names, newer, older = json.loads(told.stdout.splitlines()[-1])
    renamed = Version(transformers.__version__) >= Version("5.24")
    assert names == ["logits", "cache" if renamed else "past_key_values"]
    assert newer is renamed and older
    assert ("deprecated. Use `cache` instead" in told.stderr) is renamed


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_load_in_another_dtype_fills_ram(hub, run_python, tmp_path):
    wide = {**SMALL, "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16}
    model = Qwen2ForCausalLM._from_config(Qwen2Config(**wide), dtype=torch.bfloat16)
    model.save_pretrained(tmp_path)
    weights = measure_memory(model).weights
    code = f"""
import json, torch
from transformers import Qwen2ForCausalLM
Qwen2ForCausalLM.from_pretrained("practice/tiny-chat", dtype="float16")  # what loads only once

def own_memory():
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

grown, kept = {{}}, []
for dtype in ("bfloat16", "float16"):
    before = own_memory()
    kept.append(Qwen2ForCausalLM.from_pretrained({str(tmp_path)!r}, dtype=dtype))
    grown[dtype] = own_memory() - before
print(json.dumps(grown))
"""
    grown = json.loads(run_python(code, HF_ENDPOINT=hub.url).stdout.splitlines()[-1])
    assert grown["bfloat16"] < 0.25 * weights
    assert grown["float16"] > 0.9 * weights


@pytest.mark.parametrize(("share", "goes"), [(0.80, True), (0.83, False)])
def test_auto_refuses_4_bit_models_that_fit(monkeypatch, share, goes):
    """A GPU of whose free memory the model would take this share, and a planner that looks."""
    from transformers.quantizers import AutoHfQuantizer

    config = Qwen2Config(**{**SMALL, "num_hidden_layers": 24}, tie_word_embeddings=True)
    with torch.device("meta"):
        model = Qwen2ForCausalLM._from_config(config, dtype=torch.bfloat16)
    quantizer = AutoHfQuantizer.from_config(NF4, pre_quantized=False)
    quantizer.preprocess_model(model=model, device_map=None)
    planned = placing.compute_module_sizes(model, quantizer)[0][""]
    free = {0: planned / share, "cpu": 10 * planned}
    monkeypatch.setattr(placing, "get_max_memory", lambda asked=None: dict(asked or free))
    if goes:
        assert set(placing._get_device_map(model, "auto", None, quantizer).values()) == {0}
    else:
        with pytest.raises(ValueError, match="dispatched on the CPU or the disk"):
            placing._get_device_map(model, "auto", None, quantizer)
    assert placing._get_device_map(model, {"": 0}, None, quantizer) == {"": 0}


def test_running_out_while_quantizing_is_called_a_conversion(monkeypatch, caplog):
    from transformers.integrations import bitsandbytes as quantizing
    from transformers.utils import logging

    config = Qwen2Config(**SMALL, architectures=["Qwen2ForCausalLM"])
    monkeypatch.setattr(RandomTensor, "__getitem__", run_out)
    with pytest.raises(torch.OutOfMemoryError):
        load_random(config, "bfloat16", NF4, "cpu")
    monkeypatch.undo()
    monkeypatch.setattr(quantizing.Bnb4bitQuantize, "convert", run_out)
    logging.enable_propagation()
    try:
        with pytest.raises(RuntimeError, match="automatic conversion of the weights") as caught:
            load_random(config, "bfloat16", NF4, "cpu")
    finally:
        logging.disable_propagation()
    assert not isinstance(caught.value, torch.OutOfMemoryError)
    assert "out of memory" not in str(caught.value)
    assert "out of memory" in caplog.text


def run_out(*_, **__):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
