"""What lessons 06 and 07 say of loading, dtypes and placement, held against the installed versions.

Each test is named by a claim in ``course_utils/curriculum.toml``; when one fails, that sentence has
to be mended.
"""

from __future__ import annotations

import json
import logging
import math
import types
from functools import partial

import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    BitsAndBytesConfig,
    pipeline,
)
from transformers.pipelines import base

CHAT = "practice/tiny-chat"
load = partial(AutoModelForCausalLM.from_pretrained, CHAT)

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU would be found")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    for name in ("accelerate", "bitsandbytes"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.ERROR)


@pytest.fixture(scope="module")
def seven_billion():
    config = AutoConfig.from_pretrained("Qwen/Qwen2.5-7B-Instruct")
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)


def nbytes(module):
    return sum(weight.nbytes for weight in module.parameters())


def on_meta(model):
    return sum(weight.nbytes for weight in model.parameters() if weight.is_meta)


# 06: dtypes


@pytest.mark.parametrize("dtype", [None, "auto"])
def test_no_dtype_means_as_stored(dtype, tmp_path):
    load(dtype="float32").save_pretrained(tmp_path)
    for name, stored in ((CHAT, torch.bfloat16), (tmp_path, torch.float32)):
        model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
        assert {weight.dtype for weight in model.parameters()} == {stored}


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
def test_dtype_may_be_a_name_or_torchs_own(name):
    dtype = getattr(torch, name)
    assert load(dtype=name).dtype == load(dtype=dtype).dtype == dtype


def test_torch_dtype_works_and_says_that_it_is_old(hub, run_python):
    code = f"""
import torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained("{CHAT}", torch_dtype=torch.float16)
print(model.dtype)
"""
    done = run_python(code, HF_ENDPOINT=hub.url)
    assert done.stdout.strip() == "torch.float16"
    assert "`torch_dtype` is deprecated! Use `dtype` instead!" in done.stderr


def test_float32_adds_nothing_to_a_bfloat16_checkpoint_and_float16_loses_a_little():
    stored, wide, half = load(), load(dtype="float32"), load(dtype="float16")
    assert nbytes(wide) == 2 * nbytes(stored) == 2 * nbytes(half)
    lost = 0
    for first, second, third in zip(
        stored.parameters(), wide.parameters(), half.parameters(), strict=True
    ):
        assert torch.equal(first.float(), second)
        lost += int((first.float() != third.float()).sum())
    assert 0 < lost < stored.num_parameters() / 1000


def test_norms_are_computed_in_float32():
    norm = load(dtype="float16").model.norm
    hidden = torch.full((1, 1, 192), 300.0, dtype=torch.float16)
    assert (hidden**2).isinf().all()
    assert norm(hidden).isfinite().all()


@pytest.mark.parametrize(("capability", "native"), [((7, 5), False), ((8, 0), True)])
def test_torch_counts_emulated_bfloat16(monkeypatch, capability, native):
    """Torch's own reasoning, told that a GPU of this compute capability is there."""
    properties = types.SimpleNamespace(major=capability[0], minor=capability[1])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True)
    assert torch.cuda.is_bf16_supported() is True
    assert torch.cuda.is_bf16_supported(including_emulation=False) is native


def test_bfloat16_is_three_bits_further_from_float32_than_float16(prompt):
    with torch.no_grad():
        scores = {
            dtype: load(dtype=dtype)(**prompt).logits.float()
            for dtype in ("float32", "float16", "bfloat16")
        }
    away = [(scores[half] - scores["float32"]).abs().mean() for half in ("float16", "bfloat16")]
    assert round(math.log2(away[1] / away[0])) == 3


def test_greedy_decoding_hides_nan_and_sampling_does_not(prompt):
    loud = load(dtype="float16")
    loud.model.norm.weight.data *= 1e5
    with torch.no_grad():
        assert loud(**prompt).logits.isnan().all()
    written = loud.generate(**prompt, do_sample=False, max_new_tokens=5)[0]
    assert written[prompt["input_ids"].shape[1] :].tolist() == [0] * 5
    with pytest.raises(RuntimeError, match="probability tensor contains"):
        loud.generate(**prompt, do_sample=True, max_new_tokens=5)


# 06: pipeline() when a load fails


def test_pipeline_retries_in_float32_when_memory_runs_out(monkeypatch):
    """The first attempt runs into a real refusal to allocate; the second is let through."""
    asked = []
    real = AutoModelForCausalLM.from_pretrained

    def short_of_memory(name, **options):
        asked.append(options["dtype"])
        if options["dtype"] != torch.float32:
            torch.empty(10**15)
        return real(name, **options)

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", short_of_memory)
    chat = pipeline("text-generation", model=CHAT, dtype=torch.float16)
    assert asked == [torch.float16, torch.float32]
    assert chat.model.dtype == torch.float32
    assert issubclass(torch.OutOfMemoryError, RuntimeError)


def test_pipeline_retries_a_dtype_that_cannot_be_loaded():
    with pytest.raises(ValueError, match="not a floating-point dtype"):
        load(dtype=torch.int8)
    assert pipeline("text-generation", model=CHAT, dtype=torch.int8).model.dtype == torch.float32


@without_gpu
def test_pipeline_moves_to_the_first_gpu_and_does_not_retry_that(monkeypatch):
    """Told that CUDA is there, it loads to the CPU, moves, and lets the failure through."""
    loaded = []
    real = base.load_model

    def remembering(*arguments, **options):
        loaded.append(real(*arguments, **options))
        return loaded[-1]

    monkeypatch.setattr("transformers.pipelines.load_model", remembering)
    monkeypatch.setattr(base, "is_torch_cuda_available", lambda: True)
    with pytest.raises((AssertionError, RuntimeError), match="CUDA|NVIDIA"):
        pipeline("text-generation", model=CHAT)
    (model,) = loaded
    assert model.device.type == "cpu"


# 07: a plan, and where it is kept


@without_gpu
@pytest.mark.parametrize("device_map", ["auto", "cpu", {"": "cpu"}])
def test_one_place_leaves_no_hf_device_map(device_map):
    assert not hasattr(load(device_map=device_map), "hf_device_map")


def test_a_budget_too_small_spills_to_the_disk_file_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = load(device_map="auto", max_memory={"cpu": 2_700_000})
    assert set(model.hf_device_map.values()) == {"cpu", "disk"}
    layers = [name for name, place in model.hf_device_map.items() if place == "disk"]
    assert on_meta(model) == nbytes(model.model.norm) + sum(
        nbytes(model.get_submodule(name)) for name in layers if ".layers." in name
    )
    assert list(tmp_path.iterdir()) == []


def test_other_formats_need_an_offload_folder(tmp_path):
    def classify(**options):
        return AutoModelForSequenceClassification.from_pretrained(
            "practice/pickle-sentiment", device_map="auto", max_memory={"cpu": 300_000}, **options
        )

    with pytest.raises(ValueError, match="provide an `offload_folder`"):
        classify()
    assert "disk" in classify(offload_folder=tmp_path).hf_device_map.values()
    assert list(tmp_path.iterdir())


def test_room_for_the_largest_layer_is_kept_free():
    model = load()
    embedding, layer = nbytes(model.model.embed_tokens), nbytes(model.model.layers[0])
    brim = embedding + 2 * layer
    for budget, expected in ((brim, 1), (brim + layer, 2)):
        placed = load(device_map="auto", max_memory={"cpu": budget + 1000}).hf_device_map
        assert sum(placed[f"model.layers.{n}"] == "cpu" for n in range(4)) == expected


def test_a_split_model_says_the_same_and_reads_its_layers_in_every_pass(prompt, monkeypatch):
    from accelerate.utils.offload import OffloadedWeightsLoader

    read = []
    real = OffloadedWeightsLoader.__getitem__

    def counting(self, key):
        tensor = real(self, key)
        read.append(tensor.nbytes)
        return tensor

    split = load(device_map="auto", max_memory={"cpu": 2_700_000})
    monkeypatch.setattr(OffloadedWeightsLoader, "__getitem__", counting)
    for _ in range(2):
        read.clear()
        with torch.no_grad():
            split(**prompt)
        assert sum(read) == on_meta(split) > 2_000_000
    greedy = {"do_sample": False, "max_new_tokens": 40}
    assert torch.equal(split.generate(**prompt, **greedy), load().generate(**prompt, **greedy))


def test_layers_run_one_after_the_other(prompt):
    split = load(device_map="auto", max_memory={"cpu": 2_700_000})
    events = []
    for number, layer in enumerate(split.model.layers):
        layer.register_forward_pre_hook(lambda *_, n=number: events.append(("begins", n)))
        layer.register_forward_hook(lambda *_, n=number: events.append(("ends", n)))
    with torch.no_grad():
        split(**prompt)
    assert events == [(what, n) for n in range(4) for what in ("begins", "ends")]


def test_a_plan_edited_by_hand_is_followed():
    plan = load(device_map="auto", max_memory={"cpu": 2_700_000}).hf_device_map
    edited = load(device_map={**plan, "model.layers.3": "cpu"})
    assert edited.hf_device_map["model.layers.3"] == "cpu"
    assert not any(weight.is_meta for weight in edited.model.layers[3].parameters())


# 07: planning for hardware that is not there


def test_the_planner_fills_the_first_gpu_up(seven_billion):
    from accelerate import infer_auto_device_map

    budget = {0: "13GiB", 1: "13GiB", "cpu": "10GiB"}
    plan = infer_auto_device_map(
        seven_billion, max_memory=budget, no_split_module_classes=["Qwen2DecoderLayer"]
    )
    first, second = (list(plan.values()).count(place) for place in (0, 1))
    assert first > 3 * second > 0
    assert not {"cpu", "disk"} & set(plan.values())


def test_auto_spreads_over_gpus_and_takes_nine_tenths_of_what_is_free(seven_billion, monkeypatch):
    from transformers.integrations import accelerate as integration

    def planned(free, **options):
        monkeypatch.setattr(integration, "accelerate_max_memory", lambda given=None: dict(free))
        return integration._get_device_map(seven_billion, "auto", hf_quantizer=None, **options)

    free = {0: 13 * 2**30, 1: 13 * 2**30, "cpu": 10 * 2**30}
    plan = planned(free, max_memory=dict(free))
    on_first = sum(plan[f"model.layers.{n}"] == 0 for n in range(28))
    assert 10 <= on_first <= 18

    one_gpu = {0: 20 * 10**9, "cpu": 10 * 10**9}
    monkeypatch.setattr(integration, "accelerate_max_memory", lambda given=None: dict(one_gpu))
    budget = integration.get_balanced_memory(seven_billion, None)
    assert budget == {0: 18 * 10**9, "cpu": 9 * 10**9}


def test_budgets_are_read_in_gb_and_gib():
    from accelerate.utils.modeling import convert_file_size_to_int

    assert convert_file_size_to_int("13GB") == 13 * 10**9
    assert convert_file_size_to_int("13GiB") == 13 * 2**30


# 07: what goes wrong


def test_without_accelerate_it_is_a_value_error_and_pipeline_buries_it(hub, run_python):
    code = f"""
import json, sys
sys.modules["accelerate"] = None
from functools import partial
from transformers import AutoModelForCausalLM, pipeline
told = []
for load in (AutoModelForCausalLM.from_pretrained, partial(pipeline, "text-generation")):
    try:
        load("{CHAT}", device_map="auto")
    except Exception as error:
        told.append((type(error).__name__, str(error)))
print(json.dumps(told))
"""
    direct, buried = json.loads(run_python(code, HF_ENDPOINT=hub.url).stdout.splitlines()[-1])
    assert direct[0] == buried[0] == "ValueError"
    assert direct[1].startswith("Using a `device_map`") and "pip install accelerate" in direct[1]
    assert buried[1].startswith("Could not load model")
    assert buried[1].splitlines()[0].count("pip install accelerate") == 0
    assert "pip install accelerate" in buried[1].strip().splitlines()[-1]


def words_for_an_absent_gpu():
    """What torch says of a budget, and of ``.to()``, depends on its build and on the driver."""
    if torch.cuda.is_available():
        return 2 * ("invalid device ordinal",)
    if torch.version.cuda:
        return 2 * ("Found no NVIDIA driver on your system",)
    return "Cannot access accelerator device", "Torch not compiled with CUDA enabled"


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="place 0 is Apple's GPU")
def test_a_budget_for_a_gpu_that_is_not_there():
    absent = torch.cuda.device_count()
    with pytest.raises(RuntimeError, match=words_for_an_absent_gpu()[0]):
        load(device_map="auto", max_memory={absent: "4GiB"})


def test_what_torch_says_of_an_absent_gpu():
    model = load()
    absent = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises((RuntimeError, AssertionError), match=words_for_an_absent_gpu()[1]):
        model.to(absent)


def test_gpu_is_no_device_name():
    with pytest.raises(ValueError, match="needs to be a device name"):
        load(device_map="gpu")


@without_gpu
def test_a_map_with_a_disk_part_must_name_every_part():
    with pytest.raises(ValueError, match="on the meta device"):
        load(device_map={"": "cpu", "model.norm": "disk"})
    with pytest.raises(ValueError, match="does not give any device"):
        load(device_map={"model.embed_tokens": "cpu", "model.layers": "disk"})


def test_four_bits_may_not_spill():
    with pytest.raises(ValueError, match="Some modules are dispatched on the CPU or the disk"):
        load(
            device_map="auto",
            max_memory={"cpu": 450_000},
            quantization_config=BitsAndBytesConfig(load_in_4bit=True),
        )


def test_a_split_model_cannot_be_moved():
    split = load(device_map="auto", max_memory={"cpu": 2_700_000})
    with pytest.raises(RuntimeError, match="can't move a model that has some modules offloaded"):
        split.to("cpu")
