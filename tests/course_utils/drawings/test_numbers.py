"""What the pictures say is what the course's libraries compute."""

from __future__ import annotations

import collections

import pytest
import torch

import course_utils as cu
from course_utils.drawings import DRAWINGS, draw_hits, draw_memory
from course_utils.drawings.block_of_64 import BEFORE, PACKED, SCALE, SCALE_BYTES, WEIGHTS
from course_utils.drawings.four_sizes import SIZES
from course_utils.drawings.gate_doors import DOORS
from course_utils.drawings.gpu_ladder import HELD, rungs
from course_utils.drawings.kv_cache import PROMPTS
from course_utils.drawings.layers_placed import BUDGET, IN_RAM, ON_DISK, ON_GPU
from course_utils.drawings.license_families import FAMILIES
from course_utils.drawings.login_box import ASKS, WAITS
from course_utils.drawings.shapes import Area, Words
from course_utils.drawings.sixteen_bits import BFLOAT16, FLOAT16
from course_utils.drawings.sixteen_marks import NF4, WEIGHT, nearest_mark
from course_utils.memory.quantization import CODE_TABLE, QUANTIZATIONS
from tests.support.catalogue import config_of

QWEN_7B = "Qwen/Qwen2.5-7B-Instruct"


def texts(picture: cu.Picture) -> list[str]:
    return [shape.text for shape in picture.shapes if isinstance(shape, Words)]


def test_the_sixteen_marks_are_bitsandbytes_own():
    from bitsandbytes.functional import get_4bit_type

    assert get_4bit_type("nf4", device="cpu").tolist() == list(NF4)


def test_the_weight_becomes_what_bitsandbytes_makes_of_it():
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    block = torch.zeros(64)
    block[:2] = torch.tensor([1.0, WEIGHT])  # the scale of this block is 1
    packed, state = quantize_4bit(block, blocksize=64, quant_type="nf4")
    kept = dequantize_4bit(packed, state).flatten()[1].item()
    assert kept == pytest.approx(NF4[nearest_mark(WEIGHT)], abs=1e-6)
    assert f"{nearest_mark(WEIGHT):04b}" in str(cu.show_picture("sixteen_marks"))


def test_a_block_takes_the_bytes_that_are_drawn():
    assert len(WEIGHTS) == 64
    assert sorted(map(abs, WEIGHTS))[-2] < max(map(abs, WEIGHTS)) == SCALE
    assert QUANTIZATIONS["nf4"].bytes(1, 64) - CODE_TABLE == PACKED + SCALE_BYTES
    assert torch.zeros(64, dtype=torch.bfloat16).nbytes == BEFORE
    assert f"= {PACKED + SCALE_BYTES} bytes" in " ".join(texts(cu.show_picture("block_of_64")))


@pytest.mark.parametrize("ours", [FLOAT16, BFLOAT16], ids=lambda one: one.name)
def test_the_two_formats_are_as_torch_has_them(ours):
    dtype = getattr(torch, ours.name)
    info = torch.finfo(dtype)
    assert 1 + ours.exponent + ours.fraction == info.bits
    assert (ours.largest, ours.full_from) == (info.max, info.smallest_normal)
    assert 2.0**-ours.fraction == info.eps
    assert torch.tensor(ours.smallest, dtype=dtype).item() == ours.smallest
    assert torch.tensor(ours.smallest / 2, dtype=dtype).item() == 0
    for value in (0.1, 1.0, 0.37, 3000.0, -0.02):
        stored = torch.tensor(value, dtype=dtype)
        assert ours.stored(value) == stored.item()
        assert ours.bits(value) == f"{stored.view(torch.int16).item() & 0xFFFF:016b}"


@pytest.mark.parametrize("way", SIZES)
def test_the_four_sizes_are_estimate_memorys(way):
    dtype = way if way.startswith("float") else "float16"
    quantization = None if way == dtype else way
    estimate = cu.estimate_memory(config_of(QWEN_7B), dtype, quantization)
    assert (estimate.weights, estimate.weights_basis) == (SIZES[way], "exact")


def test_the_ladder_has_every_gpu_and_the_models_that_it_says():
    names = texts(cu.show_picture("gpu_ladder"))
    assert set(cu.GPUS) <= set(names)
    seventy = config_of("meta-llama/Llama-3.1-70B-Instruct")
    assert [size for size, _ in HELD] == [
        cu.estimate_memory(config_of(QWEN_7B), "float16").weights,
        cu.estimate_memory(seventy, "float16", "nf4-double").weights,
        cu.estimate_memory(seventy, "float16").weights,
    ]
    sizes = [size for size, _, _ in rungs()]
    assert sizes == sorted(sizes)


def test_accelerate_places_the_layers_as_drawn():
    from accelerate import infer_auto_device_map
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config_of(QWEN_7B), dtype=torch.float16)
    layer_class = type(model.model.layers[0]).__name__
    plan = infer_auto_device_map(model, dict(BUDGET), no_split_module_classes=[layer_class])
    places = collections.defaultdict(list)
    for number in range(len(model.model.layers)):
        places[plan[f"model.layers.{number}"]].append(number)
    assert places == {0: list(ON_GPU), "cpu": list(IN_RAM), "disk": list(ON_DISK)}
    assert (plan["model.embed_tokens"], plan["lm_head"]) == (0, "disk")


def test_a_real_model_has_so_many_rows_and_scores():
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 16, "vocab_size": 50}
    config = LlamaConfig(num_hidden_layers=1, num_attention_heads=1, **sizes)
    model = LlamaForCausalLM(config)
    model.set_attn_implementation("eager")
    said = str(cu.show_picture("kv_cache"))
    for tokens in PROMPTS:
        output = model(torch.arange(tokens)[None], output_attentions=True)
        assert output.attentions[0].shape[-2:] == (tokens, tokens)
        assert output.past_key_values.get_seq_length() == tokens
        assert f"{tokens} × {tokens} = {tokens**2} scores" in said


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.name)
def test_the_families_are_what_check_license_says(family, hub):
    from huggingface_hub import HfApi

    report = cu.check_license(family.model)
    assert report.verdict == family.verdict
    card = HfApi().model_info(family.model).card_data
    assert card.base_model.split("/")[1] == family.base
    assert family.license in (card.license, card.get("license_name"))


def test_the_doors_are_what_a_learner_meets_on_the_way(hub, visitor, monkeypatch):
    repo_id = "practice/gated-manual-chat"
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    met = [code_and_status(repo_id)]
    monkeypatch.setenv("HF_TOKEN", visitor.create_token("doors"))
    met.append(code_and_status(repo_id))
    visitor.agree(repo_id)
    met.append(code_and_status(repo_id))
    visitor.review(repo_id, "accepted")
    met.append(code_and_status(repo_id))
    assert met == [(door.code, door.status) for door in DOORS]


def code_and_status(repo_id: str) -> tuple[int, str]:
    """What the Hub answers a download, and what ``check_access`` calls it."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import GatedRepoError

    try:
        HfApi().auth_check(repo_id, token=get_token() or False)
        code = 200
    except GatedRepoError as error:
        code = error.response.status_code
    return code, cu.check_access(repo_id).status


def test_login_shows_what_is_drawn():
    import inspect

    from huggingface_hub import notebook_login

    said = inspect.getsource(notebook_login)
    assert all(words in said for words in (ASKS, WAITS, "verification_uri", "user_code"))
    assert {ASKS, WAITS} <= set(texts(cu.show_picture("login_box")))
    assert "password" not in said.casefold()


def test_bars_are_as_long_as_the_estimates_and_judged_alike():
    contexts = (2048, 8192)
    config = config_of(QWEN_7B)
    estimates = [cu.estimate_memory(config, context=context) for context in contexts]
    picture = draw_memory(*estimates, gpu="L4")
    room = cu.GPUS["L4"].memory
    said = str(picture)
    for context, estimate in zip(contexts, estimates, strict=True):
        assert f"{context:,} tokens" in said
        drawn = sum(width_of(shape) for shape in hatched_in_row(picture, contexts.index(context)))
        widest = max(room * 1.12, *(one.total.high for one in estimates))
        assert drawn == pytest.approx(368 * estimate.total.expected / widest)
    table = cu.ways_to_fit(config, gpu="L4", context=contexts[1])
    verdict = next(way.verdict for way in table if way.way == "bfloat16 as stored")
    assert f": {verdict} (" in said.splitlines()[-1]


def hatched_in_row(picture: cu.Picture, row: int) -> list[Area]:
    """The parts of one bar, without the swatches below."""
    areas = [one for one in picture.shapes if isinstance(one, Area) and one.fill == "hatched"]
    tops = sorted({one.points[0][1] for one in areas})
    return [one for one in areas if one.points[0][1] == tops[row]]


def width_of(area: Area) -> float:
    across = [x for x, _ in area.points]
    return max(across) - min(across)


def test_squares_stand_for_hits():
    hits = [True, False, True, True]
    picture = draw_hits({"English": hits, "German": [False] * 4})
    solid = [one for one in picture.shapes if isinstance(one, Area) and one.colour == "weights"]
    assert len(solid) == sum(hits) + 1  # and one in the key
    assert "English: 3 of 4; not found: 2\n" in str(picture)
    assert "3 of 4" in texts(picture)
    counted = draw_hits({"English": 19, "German": 7})
    assert str(counted).splitlines()[1:] == ["  English: 19 of 20", "  German: 7 of 20"]


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_number_that_is_drawn_is_said(name):
    """The text twin lacks no figure of the picture: what has a unit, or three digits."""
    import re

    picture = DRAWINGS[name]()
    figures = re.compile(r"\d[\d,.]*\d (?:GiB|bytes|bits|rows|scores)|\d\.\d{3,}")
    drawn = set(figures.findall(" ".join(texts(picture))))
    said = str(picture)
    assert {one for one in drawn if one.rstrip() not in said} == set()
