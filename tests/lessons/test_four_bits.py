"""What lesson 08 says of 4 and 8 bits, held against the installed versions.

Each test is named by a claim in ``course_utils/curriculum.toml``; when one fails, that sentence has
to be mended.
"""

from __future__ import annotations

import logging
from functools import partial

import pytest
import torch
from bitsandbytes import functional
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    MixtralConfig,
    MixtralForCausalLM,
    Trainer,
)

import course_utils as cu

CHAT = "practice/tiny-chat"
load = partial(AutoModelForCausalLM.from_pretrained, CHAT)
EIGHT = BitsAndBytesConfig(load_in_8bit=True)

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="weights would go to the GPU")


def four(table="nf4", double=False):
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=table,
        bnb_4bit_compute_dtype="bfloat16",
        bnb_4bit_use_double_quant=double,
    )


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(logging.getLogger("bitsandbytes"), "level", logging.ERROR)


@pytest.fixture(scope="module")
def in_nf4():
    return load(quantization_config=four())


def table_of(name):
    return functional.get_4bit_type(name, device="cpu")


def misses(scaled, levels):
    nearest = levels[(scaled[..., None] - levels).abs().argmin(-1)]
    return (nearest - scaled).abs().mean().item()


def bits_a_weight(tensor, double):
    packed, state = functional.quantize_4bit(tensor, quant_type="nf4", compress_statistics=double)
    parts = [packed, state.absmax]
    if double:
        assert state.absmax.dtype == torch.uint8 and state.state2.blocksize == 256
        parts += [state.state2.absmax, state.state2.code, state.offset]
    return 8 * sum(part.nbytes for part in parts) / tensor.numel()


# The numbers


def test_nf4_by_hand_gives_the_bytes_of_bitsandbytes():
    weights = load(dtype="float32").model.layers[0].mlp.up_proj.weight.detach()
    blocks = weights.reshape(-1, 64)
    absmax = blocks.abs().amax(dim=1, keepdim=True)
    codes = (blocks / absmax).flatten()[:, None] - table_of("nf4")
    codes = codes.abs().argmin(1).to(torch.uint8)
    packed, state = functional.quantize_4bit(weights, quant_type="nf4")
    assert torch.equal(codes[0::2] << 4 | codes[1::2], packed.flatten())
    assert torch.equal(absmax.flatten(), state.absmax) and state.absmax.dtype == torch.float32
    assert state.blocksize == 64
    restored = (table_of("nf4")[codes.long()].reshape(-1, 64) * absmax).reshape(weights.shape)
    assert torch.equal(functional.dequantize_4bit(packed, state), restored)


def test_bits_a_weight():
    large = torch.randn(2048, 2048)
    assert bits_a_weight(large, double=False) == 4.5
    assert bits_a_weight(large, double=True) == pytest.approx(4 + 8 / 64 + 32 / 64 / 256, abs=0.003)


def test_on_a_bell_nf4_beats_the_even_grid_and_fp4_does_not():
    assert table_of("fp4").eq(0).sum() == 2 and table_of("nf4").eq(0).sum() == 1
    torch.manual_seed(0)
    bell = torch.randn(10_000, 64)
    ours = load(dtype="float32").model.layers[0].mlp.up_proj.weight.detach().reshape(-1, 64)
    for blocks in (bell, ours):
        scaled = blocks / blocks.abs().amax(dim=1, keepdim=True)
        nf4, fp4 = (misses(scaled, table_of(name)) for name in ("nf4", "fp4"))
        assert nf4 < 0.9 * misses(scaled, torch.linspace(-1, 1, 16)) < 0.9 * fp4


# The config, and what is loaded with it


def test_defaults_of_the_config():
    default = BitsAndBytesConfig(load_in_4bit=True)
    assert default.bnb_4bit_quant_type == "fp4"
    assert default.bnb_4bit_compute_dtype == torch.float32
    assert default.bnb_4bit_use_double_quant is False


@without_gpu
@pytest.mark.parametrize("config", [four(), BitsAndBytesConfig(load_in_4bit=True), EIGHT])
def test_no_gpu_is_needed(config, prompt):
    model = load(quantization_config=config, dtype="float16" if config is EIGHT else None)
    tokens = model.generate(**prompt, do_sample=False, max_new_tokens=40)
    answer = AutoTokenizer.from_pretrained(CHAT).decode(tokens[0, prompt["input_ids"].shape[1] :])
    assert model.device.type == "cpu"
    assert answer.startswith("A repo id")


def test_what_the_usual_methods_forget(in_nf4):
    fresh, double = load(quantization_config=four()), load(quantization_config=four(double=True))
    assert fresh.get_memory_footprint() == double.get_memory_footprint()
    measured = cu.measure_memory(fresh).weights
    assert measured > cu.measure_memory(double).weights > double.get_memory_footprint()
    stored = load()
    assert sum(weight.numel() for weight in fresh.parameters()) < 0.6 * stored.num_parameters()
    assert fresh.num_parameters() == stored.num_parameters()


@without_gpu
@pytest.mark.parametrize("double", [False, True])
def test_the_first_forward_repacks_on_some_cpus(double):
    layer = Linear4bit(
        1024, 2048, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4",
        compress_statistics=double,
    ).to("cpu").eval()  # fmt: skip
    before = cu.measure_memory(layer).weights
    assert layer.weight.quant_state.nested is double
    with torch.no_grad():
        layer(torch.ones(1, 1024, dtype=torch.bfloat16))
    after, state = cu.measure_memory(layer).weights, layer.weight.quant_state
    if functional.has_avx512bf16():
        assert state.absmax.dtype == torch.bfloat16 and not state.nested
        assert after > before if double else after < before
    else:
        assert after == before and state.nested is double


def test_int8_warns_on_a_bfloat16_model(caplog, monkeypatch, prompt):
    monkeypatch.setattr(logging.getLogger("bitsandbytes"), "level", logging.WARNING)
    warned = {}
    for dtype in ("bfloat16", "float16"):
        model = load(dtype=dtype, quantization_config=EIGHT)
        caplog.clear()
        with torch.no_grad():
            model(prompt["input_ids"].to(model.device))
        warned[dtype] = sum("will be cast" in record.message for record in caplog.records)
    layers = sum(isinstance(module, Linear8bitLt) for module in model.modules())
    assert warned == {"bfloat16": layers, "float16": 0} and layers


# What stays large


def test_only_linear_layers_and_not_the_head(in_nf4):
    kinds = {name: type(module) for name, module in in_nf4.named_modules()}
    assert kinds["lm_head"] is torch.nn.Linear
    assert kinds["model.embed_tokens"] is torch.nn.Embedding
    linear = [name for name, kind in kinds.items() if issubclass(kind, torch.nn.Linear)]
    assert {kinds[name] for name in linear if name != "lm_head"} == {Linear4bit}


def test_fused_experts_are_passed_over(tmp_path, capfd):
    config = MixtralConfig(
        vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, num_local_experts=4,
    )  # fmt: skip
    MixtralForCausalLM(config).to(torch.bfloat16).save_pretrained(tmp_path)
    model = MixtralForCausalLM.from_pretrained(tmp_path, quantization_config=four())
    experts = dict(model.model.layers[0].mlp.experts.named_parameters())
    assert experts and {weight.dim() for weight in experts.values()} == {3}
    assert {weight.dtype for weight in experts.values()} == {torch.bfloat16}
    assert isinstance(model.model.layers[0].self_attn.q_proj, Linear4bit)
    assert "expert" not in "".join(capfd.readouterr())


# What goes wrong


def test_auto_plans_four_bits_with_less_than_is_free(monkeypatch):
    from transformers.integrations import accelerate as integration
    from transformers.quantizers import AutoHfQuantizer

    free = {0: 10**9, "cpu": 10**9}
    monkeypatch.setattr(integration, "accelerate_max_memory", lambda given=None: dict(free))
    quantizer = AutoHfQuantizer.from_config(four(), pre_quantized=False)
    planned = quantizer.adjust_max_memory(integration.get_balanced_memory(load(), None))
    assert planned[0] == pytest.approx(0.81 * free[0])
    monkeypatch.setattr(integration, "infer_auto_device_map", None)
    assert integration._get_device_map(load(), {"": 0}, None, quantizer) == {"": 0}


def test_old_arguments_and_casts_are_refused(in_nf4):
    with pytest.raises(TypeError, match="unexpected keyword argument 'load_in_4bit'"):
        load(load_in_4bit=True)
    with pytest.raises(ValueError, match=r"\.half\(\)` is not supported"):
        in_nf4.half()
    with pytest.raises(ValueError, match="cannot cast a bitsandbytes model"):
        in_nf4.to(torch.float16)


def test_bare_four_bits_do_not_train(in_nf4, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="attach trainable adapters"):
        Trainer(model=in_nf4)
    assert list(tmp_path.iterdir()) == []
    weight = in_nf4.model.layers[0].mlp.up_proj.weight
    assert weight.dtype == torch.uint8 and not weight.requires_grad


def test_without_bitsandbytes(hub, run_python):
    code = f"""
import sys
sys.modules["bitsandbytes"] = None
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
def load():
    try:
        AutoModelForCausalLM.from_pretrained(
            "{CHAT}", quantization_config=BitsAndBytesConfig(load_in_4bit=True))
    except Exception as error:
        print(type(error).__name__, "pip install" in str(error))
load()
del sys.modules["bitsandbytes"]  # as if it were installed now
import bitsandbytes
load()
"""
    said = run_python(code, HF_ENDPOINT=hub.url).stdout.splitlines()
    assert said == ["ImportError True"] * 2
