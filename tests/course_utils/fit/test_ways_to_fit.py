"""ways_to_fit: verdicts against what is known to be so, and code that does what it says."""

from __future__ import annotations

import ast
import json
from collections import Counter
from functools import cache

import pytest
import torch
from transformers import AutoModelForCausalLM

import course_utils as cu
from course_utils.gpus import Device
from tests.support.catalogue import config_of

CHAT = "practice/tiny-chat"
WAYS = ("int8", "nf4", "nf4-double", "fp4")
GIB = 2**30


# Of models whose repos are gated, so that nobody here may read their configs from the Hub.
config = cache(config_of)


def laptop(gib):
    return Device("cpu", "a laptop's CPU", memory=gib * GIB, free=gib * GIB)


def way(table, quantization):
    """The 16-bit way for None."""
    return next(
        one
        for one in table
        if one.quantization == quantization and one.dtype != "float32" and one.verdict != "spills"
    )


def run(code):
    """What the code calls ``model``, after running it as a cell would."""
    names: dict = {}
    exec(compile(code, "<cell>", "exec"), names)
    return names["model"]


# What is known to be so


KNOWN = [
    ("meta-llama/Llama-2-7b-chat-hf", "T4", None, {"fits", "tight"}),
    ("Qwen/Qwen2.5-7B-Instruct", "T4", None, {"tight", "does not fit"}),
    ("Qwen/Qwen2.5-7B-Instruct", "T4", "nf4", {"fits"}),
    ("meta-llama/Llama-3.1-8B-Instruct", "T4", None, {"does not fit"}),
    ("meta-llama/Llama-3.1-8B-Instruct", "L4", None, {"fits"}),
    ("meta-llama/Llama-2-13b-chat-hf", "T4", "nf4", {"fits"}),
    ("meta-llama/Llama-2-13b-chat-hf", "T4", None, {"does not fit"}),
    ("meta-llama/Llama-3.1-70B-Instruct", "T4", "nf4-double", {"does not fit"}),
    ("meta-llama/Llama-3.1-70B-Instruct", "A100-80GB", "nf4", {"fits"}),
    ("meta-llama/Llama-3.1-70B-Instruct", "A100-80GB", None, {"does not fit"}),
]


@pytest.mark.parametrize(("repo_id", "gpu", "quantization", "verdicts"), KNOWN)
def test_verdicts_are_what_is_known_to_be_so(repo_id, gpu, quantization, verdicts):
    assert way(cu.ways_to_fit(config(repo_id), gpu), quantization).verdict in verdicts


def test_a_llama_of_seven_billion_leaves_little_room_on_a_t4():
    fits = cu.ways_to_fit(config("meta-llama/Llama-2-7b-chat-hf"), "T4", context=1024)
    room = fits.memory - way(fits, None).bytes
    assert 0 < room < 1.5 * GIB


def test_context_decides():
    """Half a megabyte a token: what fits for a question does not for a book."""
    llama = config("meta-llama/Llama-2-7b-chat-hf")
    short, long = (cu.ways_to_fit(llama, "T4", context=tokens) for tokens in (256, 4096))
    assert way(short, None).verdict != way(long, None).verdict == "does not fit"


def test_verdicts_follow_the_rule():
    for gib in (11, 12, 13, 14, 15, 16):
        room = gib * GIB
        for one in cu.ways_to_fit(config("meta-llama/Llama-2-7b-chat-hf"), room):
            if one.verdict != "spills":
                assert one.low <= one.bytes <= one.high
                assert one.verdict == (
                    "fits" if one.high <= room else "tight" if one.bytes <= room else "does not fit"
                )


# The order, and the code


def test_the_least_loss_comes_first_and_fp4_last():
    fits = cu.ways_to_fit("Qwen/Qwen2.5-7B-Instruct", "A100")
    assert [one.quantization for one in fits] == [None, *WAYS]
    assert fits.best is fits[0]
    assert fits[0].dtype == "bfloat16"
    assert "as many bytes as nf4" in fits[-1].why
    assert way(fits, "fp4").bytes == way(fits, "nf4").bytes


def test_float32_checkpoints_may_stay_or_be_halved():
    fits = cu.ways_to_fit("openai-community/gpt2", "T4")
    assert [one.dtype for one in fits[:2]] == ["float32", "float16"]
    assert fits[0].bytes > fits[1].bytes


def test_a_t4_is_never_asked_for_bfloat16():
    for repo_id in ("Qwen/Qwen2.5-7B-Instruct", "openai-community/gpt2", CHAT):
        for one in cu.ways_to_fit(repo_id, "T4"):
            assert "bfloat16" not in one.code
            assert one.dtype == "float32" or "dtype=torch.float16" in one.code
    assert "bnb_4bit_compute_dtype=torch.bfloat16" in way(cu.ways_to_fit(CHAT, "L4"), "nf4").code


def test_one_gpu_is_filled_and_only_what_exceeds_it_is_planned():
    """ "auto" plans a 4-bit model with 0.81 of the free memory and refuses some that fit."""
    fits = cu.ways_to_fit(config("meta-llama/Llama-3.1-8B-Instruct"), "T4", context=512)
    for one in fits:
        expected = 'device_map="auto"' if one.verdict == "spills" else 'device_map={"": 0}'
        assert expected in one.code
    assert fits[-1].verdict == "spills"
    assert fits.best.verdict == "fits"


@pytest.mark.parametrize("number", range(5))
def test_code_for_this_machine_runs_and_loads_what_was_predicted(number):
    one = cu.ways_to_fit(CHAT, laptop(8))[number]
    model = run(one.code)
    assert isinstance(model, AutoModelForCausalLM.from_pretrained(CHAT).__class__)
    dtype = None if one.quantization is None else one.dtype
    predicted = cu.estimate_memory(CHAT, dtype, one.quantization)
    assert cu.measure_memory(model).weights == predicted.weights
    with torch.no_grad():
        assert model(torch.ones(1, 4, dtype=torch.long)).logits.shape[1] == 4


def test_code_that_spills_runs_too():
    small = Device("cpu", "a small CPU", memory=2**20, free=2**20)
    fits = cu.ways_to_fit(CHAT, small, context=1)
    assert fits.best is None and fits[-1].verdict == "spills"
    assert run(fits[-1].code).num_parameters() > 2e6


def test_spilling_is_not_offered_where_the_cache_is_what_does_not_fit():
    """Weights can wait elsewhere; the cache of 100,000 tokens cannot."""
    llama = config("meta-llama/Llama-2-7b-chat-hf")
    assert {one.verdict for one in cu.ways_to_fit(llama, "L4", context=100_000)} == {"does not fit"}


@pytest.mark.parametrize(
    ("repo_id", "gpu"),
    [
        ("openai/whisper-base", "T4"),
        ("google-bert/bert-base-uncased", "H100"),
        ("google/vit-base-patch16-224", "T4"),
    ],
)
def test_speech_encoders_and_vision_get_ways_and_the_class_of_their_config(repo_id, gpu):
    fits = cu.ways_to_fit(repo_id, gpu)
    assert fits.best.verdict == "fits"
    named = config(repo_id).architectures[0]
    for one in fits:
        tree = ast.parse(one.code)
        imported = {
            name.name for node in tree.body if hasattr(node, "names") for name in node.names
        }
        assert named in imported


def test_without_cuda_nothing_is_sent_to_gpu_0():
    apple = Device("mps", "Apple", memory=16 * GIB, free=12 * GIB)
    for one in cu.ways_to_fit(CHAT, laptop(16)):
        assert "device_map" not in one.code
    for one in cu.ways_to_fit(CHAT, apple):
        assert 'device_map={"": "mps"}' in one.code and one.dtype == "float16"


def test_apple_and_cpu_count_free_ram_and_hold_no_cuda_context():
    fits = cu.ways_to_fit(CHAT, laptop(16))
    assert fits.memory == 16 * GIB
    assert fits[0].bytes < way(cu.ways_to_fit(CHAT, "L4"), None).bytes
    assert fits[0].host_ram >= cu.estimate_memory(CHAT).weights
    apple = Device("mps", "Apple", memory=16 * GIB, free=12 * GIB)
    assert cu.ways_to_fit(CHAT, apple).memory == 12 * GIB


def test_where_the_scores_of_attention_do_not_fit_beside_spilling_reads_the_prompt_in_pieces():
    """With 2,048 tokens on a T4, what stays on the GPU exceeds what device_map="auto" leaves."""
    fits = cu.ways_to_fit(config("meta-llama/Llama-3.1-8B-Instruct"), "T4", context=2048)
    assert fits[0].verdict == "does not fit" and fits[-1].verdict == "spills"
    assert fits[-1].chunk and "prefill_chunk_size" in fits[-1].code


def test_a_bigger_gpu_is_judged_by_what_it_needs_itself():
    """On a T4 grouped heads cost 170 GiB for 16,384 tokens, on a newer GPU nothing."""
    fits = cu.ways_to_fit(config("meta-llama/Llama-3.1-70B-Instruct"), "T4", context=16_384)
    gpu = next(one.name for one in fits.advice if one.remedy == "a bigger GPU")
    assert cu.GPUS[gpu].memory < 100 * GIB
    assert cu.ways_to_fit(config("meta-llama/Llama-3.1-70B-Instruct"), gpu, 16_384).best


def test_two_gpus_share_what_one_cannot_hold():
    pair = Device("cuda", "Tesla T4", 15 * GIB, 15 * GIB, "7.5", False, count=2)
    fits = cu.ways_to_fit(config("meta-llama/Llama-3.1-8B-Instruct"), pair)
    assert fits[0].verdict == "does not fit"
    shared = fits[-1]
    assert shared.verdict == "fits" and "2 GPUs" in shared.way
    assert 'device_map="auto"' in shared.code


def test_what_is_in_use_on_a_live_gpu_is_said():
    busy = Device("cuda", "Tesla T4", 15 * GIB, 6 * GIB, "7.5", False)
    assert "6.0 GiB are free now" in str(cu.ways_to_fit(CHAT, busy))


# Disk, download


def test_what_is_in_the_cache_is_not_downloaded_again(run_python, hub):
    code = f"""
import course_utils as cu
cu.start()
from transformers import AutoModelForCausalLM
before = cu.ways_to_fit("{CHAT}", "T4").best
AutoModelForCausalLM.from_pretrained("{CHAT}")
after = cu.ways_to_fit("{CHAT}", "T4").best
print(before.disk == before.download == after.disk > 4_000_000, after.download)
"""
    assert run_python(code, HF_ENDPOINT=hub.url).stdout.split() == ["True", "0"]


def test_shards_are_added_up():
    best = cu.ways_to_fit("Qwen/Qwen2.5-7B-Instruct", "T4").best
    assert best.disk == best.download == pytest.approx(15_231_233_024, rel=1e-4)


def test_a_folder_and_a_loaded_model_need_no_hub(tmp_path, monkeypatch):
    model = AutoModelForCausalLM.from_pretrained(CHAT)
    model.save_pretrained(tmp_path)
    monkeypatch.setattr("course_utils.hub.client.ask", None)
    folder = cu.ways_to_fit(tmp_path, laptop(8))
    assert folder.best.download == 0 < folder.best.disk
    assert cu.measure_memory(run(folder.best.code)).weights == cu.measure_memory(model).weights
    loaded = cu.ways_to_fit(model, laptop(8))
    assert loaded.best.bytes == folder.best.bytes
    assert f'"{CHAT}"' in loaded.best.code
    bare = cu.ways_to_fit(config("Qwen/Qwen2.5-7B-Instruct"), "T4")
    assert bare.best.disk is None and "owner/name" in str(bare)


# Where nothing fits


def test_where_nothing_fits_three_ways_out_are_named():
    fits = cu.ways_to_fit("Qwen/Qwen2.5-72B-Instruct", "T4")
    assert fits.best is None
    sibling, gpu, hosted = fits.advice
    assert sibling.remedy == "a smaller sibling"
    assert sibling.name == "Qwen/Qwen2.5-14B-Instruct"
    assert cu.ways_to_fit(sibling.name, "T4").best
    assert gpu.remedy == "a bigger GPU"
    assert cu.ways_to_fit("Qwen/Qwen2.5-72B-Instruct", gpu.name).best
    assert hosted.remedy == "a hosted API" and "InferenceClient" in hosted.text
    assert [str(fits).index(one.remedy) for one in fits.advice] == sorted(
        str(fits).index(one.remedy) for one in fits.advice
    )


def test_where_no_single_gpu_is_enough_several_are_counted():
    fits = cu.ways_to_fit(config("meta-llama/Llama-3.1-405B-Instruct"), "H200")
    assert fits.best is None
    assert any("2 × B200" in one.text for one in fits.advice)


def test_advice_is_not_looked_for_where_something_fits():
    assert cu.ways_to_fit(CHAT, "T4").advice == ()


# What is asked of the Hub


@pytest.mark.parametrize("repo_id", [CHAT, "practice/sharded-chat"])
def test_each_file_of_a_repo_is_read_once(repo_id, run_python, recording_practice_hub):
    code = f"""
import course_utils as cu
cu.start()
for fits in (cu.ways_to_fit("{repo_id}", "T4"), cu.ways_to_fit("{repo_id}", 2**28)):
    assert len(fits) > 4
explorer = cu.FitExplorer("{repo_id}", "T4").choose("A100", 4096, 2, "nf4")
"""
    run_python(code, HF_ENDPOINT=recording_practice_hub.url)
    asked = [path for path in recording_practice_hub.paths if repo_id in path]
    listed = [path for path in asked if path.startswith("/api/models/")]
    read = [path for path in asked if "/resolve/" in path]
    files = {path.rsplit("/", 1)[1] for path in read}
    shards = {f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3)}
    index = {"model.safetensors.index.json"}
    weights = {"model.safetensors"} | (shards | index if "sharded" in repo_id else set())
    assert files == {"config.json"} | weights
    assert len(listed) == 3
    assert Counter(path.rsplit("/", 1)[1] for path in read) == dict.fromkeys(files, 3)


def test_what_was_read_is_handed_down(monkeypatch):
    from course_utils.memory import read_checkpoint

    checkpoint = read_checkpoint(CHAT)
    monkeypatch.setattr("course_utils.hub.client.ask", None)
    monkeypatch.setattr("course_utils.memory.checkpoint.model_info", None)
    monkeypatch.setattr("course_utils.memory.headers.ask", None)
    assert cu.ways_to_fit(checkpoint, "T4").best.verdict == "fits"
    assert cu.estimate_memory(checkpoint, quantization="nf4").weights_basis == "exact"
    cu.FitExplorer(checkpoint, "T4").choose(context=4096)


def test_a_proven_family_is_fitted_without_torch(hub, run_python):
    code = f"""
import sys, huggingface_hub, course_utils as cu
print(len(cu.ways_to_fit("{CHAT}", "T4")), "torch" in sys.modules, "transformers" in sys.modules)
"""
    assert run_python(code, HF_ENDPOINT=hub.url).stdout.split() == ["5", "False", "False"]


def test_the_class_of_a_proven_family_is_what_transformers_says():
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as BY_TYPE

    from course_utils.fit.code import CAUSAL, class_of
    from course_utils.memory import Checkpoint
    from course_utils.memory.by_headers import FAMILIES

    for model_type in FAMILIES:
        fields = {"model_type": model_type, "architectures": [BY_TYPE[model_type]]}
        assert class_of(Checkpoint("", config=fields)) == CAUSAL
        fields["architectures"] = ["LlamaForSequenceClassification"]
        assert class_of(Checkpoint("", config=fields)) == "LlamaForSequenceClassification"


# What goes in and what comes out


@pytest.mark.parametrize("gpu", ["T5", "", 16, -1, 0, True, 1.5, float("nan"), [], object()])
def test_what_is_no_gpu_is_refused_in_words(gpu):
    with pytest.raises(cu.CourseError, match=r"T4.*bytes"):
        cu.ways_to_fit(CHAT, gpu)


@pytest.mark.parametrize("arguments", [{"context": 0}, {"context": -5}, {"batch": 1_000_000}])
def test_what_cannot_be_counted_is_refused_in_words(arguments):
    with pytest.raises(cu.CourseError):
        cu.ways_to_fit(CHAT, "T4", **arguments)


def test_a_model_that_cannot_be_sized_keeps_its_reason():
    with pytest.raises(cu.CannotTell, match="diffusers"):
        cu.ways_to_fit("stabilityai/stable-diffusion-xl-base-1.0", "T4")


def test_a_gpu_may_be_a_name_an_entry_or_bytes():
    by_name, by_entry = cu.ways_to_fit(CHAT, "tesla t4"), cu.ways_to_fit(CHAT, cu.GPUS["T4"])
    assert by_name == by_entry
    assert cu.ways_to_fit(CHAT, 16 * GIB).memory == 16 * GIB


def test_quantized_checkpoints_are_not_quantized_again(tmp_path):
    fits = cu.ways_to_fit("openai/gpt-oss-20b", "T4")
    assert {one.quantization for one in fits} == {None}
    assert "BitsAndBytesConfig" not in fits[0].code
    nf4 = run(way(cu.ways_to_fit(CHAT, laptop(8)), "nf4").code)
    nf4.save_pretrained(tmp_path)
    (only,) = cu.ways_to_fit(tmp_path, laptop(8))
    assert only.quantization == "nf4"
    assert cu.measure_memory(run(only.code)).weights == cu.measure_memory(nf4).weights


def test_behind_a_gate_the_estimate_is_a_range_and_the_code_still_there():
    fits = cu.ways_to_fit("meta-llama/Llama-3.1-8B-Instruct", "T4")
    assert way(fits, None).verdict == "does not fit"
    assert fits.best.verdict == "fits" and fits.best.host_ram is None
    assert "behind the gate" in str(fits)
    assert "AutoModelForCausalLM" in fits.best.code


def test_tensor_by_tensor_little_ram_is_needed_while_loading():
    fits = cu.ways_to_fit("Qwen/Qwen2.5-7B-Instruct", "T4")
    embedding = 152_064 * 3_584 * 2
    assert way(fits, "nf4").host_ram == embedding
    assert way(fits, None).host_ram == 4 * embedding
    assert "without device_map 14.2 GiB pass through RAM" in str(fits)


def test_text_html_dict_and_frame_say_the_same():
    fits = cu.ways_to_fit("Qwen/Qwen2.5-7B-Instruct", "T4")
    assert all(len(line) <= 120 for line in str(fits).splitlines())
    for one in fits:
        assert one.way in str(fits) and one.way in fits._repr_html_()
        assert one.code.splitlines()[0] in str(one) and "<pre>" in one._repr_html_()
    assert json.loads(json.dumps(fits.to_dict()))["best"]["way"] == fits.best.way
    frame = fits.to_frame()
    assert list(frame["verdict"]) == [one.verdict for one in fits]
    assert list(frame["bytes"]) == [one.bytes for one in fits]


def test_each_way_is_drawn_as_a_bar_beside_the_line_of_the_device(hub):
    table = cu.ways_to_fit("Qwen/Qwen2.5-7B-Instruct", "T4")
    page = table._repr_html_()
    whole = max(table.memory, *(way.high for way in table))
    assert page.count('aria-hidden="true"') == len(table)
    for way in table:
        assert f"left:0.0%;width:{100 * way.bytes / whole:.1f}%" in page
    assert page.count(f"left:{100 * table.memory / whole:.1f}%;width:0.0%") == len(table)
