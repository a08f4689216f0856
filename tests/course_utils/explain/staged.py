"""Failures that are really raised: each function calls the real library and lets it fail."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import huggingface_hub
import huggingface_hub.constants
import pytest
import torch
import transformers
from huggingface_hub import (
    HfApi,
    hf_hub_download,
    list_models,
    model_info,
    snapshot_download,
    whoami,
)
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
    pipeline,
)

from practice_hub.visitor import Visitor
from tests.support import own_hub
from tests.support.servers import Reply, http_server

CHAT, AUTO, MANUAL = "practice/tiny-chat", "practice/gated-chat", "practice/gated-manual-chat"
PICKLE, CODE, MASK = (
    "practice/pickle-sentiment",
    "practice/custom-code-classifier",
    "practice/tiny-fill-mask",
)
FOUR_BITS = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")


@dataclass
class Stage:
    """What a failure may need: the Hub's visitor, a folder, the environment, another Python."""

    visitor: Visitor
    folder: Path
    patch: pytest.MonkeyPatch
    run_python: Callable[..., subprocess.CompletedProcess[str]]

    def log_in(self, **token: Any) -> str:
        value = self.visitor.create_token("clinic", **token)
        self.patch.setenv("HF_TOKEN", value)
        return value

    def copy(self, **config: Any) -> str:
        """A folder with the chat model's files; its config says something else as well."""
        target = self.folder / "copy"
        shutil.copytree(snapshot_download(CHAT), target)
        written = json.loads((target / "config.json").read_text())
        (target / "config.json").write_text(json.dumps({**written, **config}))
        return str(target)

    def elsewhere(self, url: str) -> None:
        """Point this process's client at another Hub."""
        files = f"{url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        self.patch.setattr(huggingface_hub.constants, "ENDPOINT", url)
        self.patch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)

    def in_another_python(self, code: str, **variables: str) -> None:
        """Raise what a fresh Python wrote to its terminal, as text to be pasted."""
        hub = {"HF_ENDPOINT": self.visitor.url, "HF_HOME": huggingface_hub.constants.HF_HOME}
        finished = self.run_python(code, check=False, **{**hub, **variables})
        assert finished.returncode, finished.stdout
        raise Pasted(finished.stderr)


class Pasted(Exception):
    """Carries a traceback that another Python wrote."""


Failure = Callable[[Stage], object]
FAILURES: list[tuple[str, Failure]] = []


def fails_as(name: str) -> Callable[[Failure], Failure]:
    def add(failure: Failure) -> Failure:
        FAILURES.append((name, failure))
        return failure

    return add


def model(**options: Any) -> Any:
    return AutoModelForCausalLM.from_pretrained(CHAT, **options)


def tokens(text: str | list[str], **options: Any) -> Any:
    return AutoTokenizer.from_pretrained(CHAT)(text, return_tensors="pt", **options)


# -- gates and tokens ---------------------------------------------------------------------------


@fails_as("gated-no-token")
def stranger_downloads(stage: Stage) -> None:
    hf_hub_download(AUTO, "config.json")


@fails_as("gated-no-token")
def stranger_loads(stage: Stage) -> None:
    AutoModelForCausalLM.from_pretrained(AUTO)


@fails_as("gated-not-agreed")
def account_that_did_not_ask(stage: Stage) -> None:
    stage.log_in()
    AutoModelForCausalLM.from_pretrained(AUTO)


@fails_as("gated-not-agreed")
def account_that_did_not_ask_downloads(stage: Stage) -> None:
    stage.log_in()
    hf_hub_download(AUTO, "config.json")


@fails_as("gated-pending")
def request_not_answered(stage: Stage) -> None:
    stage.log_in()
    stage.visitor.agree(MANUAL)
    pipeline("text-generation", model=MANUAL)


@fails_as("gated-rejected")
def request_refused(stage: Stage) -> None:
    stage.log_in()
    stage.visitor.agree(MANUAL)
    stage.visitor.review(MANUAL, "rejected")
    AutoTokenizer.from_pretrained(MANUAL)


@fails_as("gated-reset")
def access_reset(stage: Stage) -> None:
    stage.log_in()
    stage.visitor.agree(MANUAL)
    stage.visitor.review(MANUAL, "reset")
    hf_hub_download(MANUAL, "config.json")


@fails_as("fine-grained-token")
def token_without_gated_repos(stage: Stage) -> None:
    stage.log_in(role="fineGrained", reads_gated=False)
    stage.visitor.agree(AUTO)
    AutoModelForCausalLM.from_pretrained(AUTO)


@fails_as("bad-token")
def token_that_is_none(stage: Stage) -> None:
    whoami(token="hf_practice_" + "0" * 24)


@fails_as("bad-token")
def login_with_a_wrong_token(stage: Stage) -> None:
    huggingface_hub.login(token="hf_practice_" + "1" * 24)


@fails_as("no-token")
def token_wanted_and_none_there(stage: Stage) -> None:
    hf_hub_download(CHAT, "config.json", token=True)


@fails_as("token-with-strange-letters")
def token_with_a_line_end(stage: Stage) -> None:
    whoami(token="hf_practice_" + "2" * 24 + "\n")


@fails_as("token-with-strange-letters")
def token_shortened_by_a_web_page(stage: Stage) -> None:
    whoami(token="hf_abc…xyz")


@fails_as("repo-not-shown")
def stranger_asks_for_what_is_not_there(stage: Stage) -> None:
    AutoModelForCausalLM.from_pretrained("practice/no-such-model")


@fails_as("repo-not-found")
def account_asks_for_what_is_not_there(stage: Stage) -> None:
    stage.log_in()
    model_info("practice/no-such-model")


@fails_as("revision-not-found")
def no_such_branch(stage: Stage) -> None:
    AutoConfig.from_pretrained(CHAT, revision="fp16")


@fails_as("file-not-found")
def no_such_file(stage: Stage) -> None:
    hf_hub_download(CHAT, "model.gguf")


@fails_as("no-such-repo-id")
def address_as_repo_id(stage: Stage) -> None:
    AutoTokenizer.from_pretrained("https://huggingface.co/practice/tiny-chat")


# -- network and disk ---------------------------------------------------------------------------


@fails_as("rate-limited")
def too_many_requests(stage: Stage) -> None:
    model_info("trouble/too-many-requests")


@fails_as("rate-limited")
def too_many_requests_while_loading(stage: Stage) -> None:
    AutoModelForCausalLM.from_pretrained("trouble/too-many-requests")


@fails_as("hub-is-down")
def server_error(stage: Stage) -> None:
    with http_server(lambda _: (503, {"Content-Length": "0"}, b"")) as url:
        stage.elsewhere(url)
        HfApi(endpoint=url).model_info(CHAT)


def portal(_: BaseHTTPRequestHandler) -> Reply:
    page = b"<!doctype html><title>Hotel Wi-Fi</title>"
    return 200, {"Content-Type": "text/html", "Content-Length": str(len(page))}, page


@fails_as("captive-portal")
def hotel_page_in_place_of_a_file(stage: Stage) -> None:
    with http_server(portal) as url:
        stage.elsewhere(url)
        hf_hub_download(CHAT, "generation_config.json", revision="0" * 40)


@fails_as("captive-portal")
def hotel_page_in_place_of_a_list(stage: Stage) -> None:
    with http_server(portal) as url:
        list(HfApi(endpoint=url).list_models(limit=1))


@fails_as("no-network")
def nobody_listens(stage: Stage) -> None:
    stage.elsewhere("http://127.0.0.1:9")
    hf_hub_download("practice/sharded-chat", "config.json")


@fails_as("no-network")
def no_such_host(stage: Stage) -> None:
    stage.elsewhere("http://no-such-host.invalid")
    AutoTokenizer.from_pretrained("practice/sharded-chat")


@fails_as("no-network")
def no_such_host_for_the_api(stage: Stage) -> None:
    HfApi(endpoint="http://no-such-host.invalid").model_info(CHAT)


@fails_as("hub-too-slow")
def slow_answer(stage: Stage) -> None:
    def slow(_: BaseHTTPRequestHandler) -> Reply:
        time.sleep(3)
        return 200, {"Content-Length": "0"}, b""

    with http_server(slow) as url:
        HfApi(endpoint=url).model_info(CHAT, timeout=0.2)


@fails_as("download-broke-off")
def half_a_file(stage: Stage) -> None:
    hf_hub_download("trouble/truncated-download", "model.safetensors")


@fails_as("offline-mode")
def offline_and_not_in_the_cache(stage: Stage) -> None:
    hf_hub_download(CHAT, "config.json", local_files_only=True, cache_dir=stage.folder)


@fails_as("offline-mode")
def offline_by_the_environment(stage: Stage) -> None:
    code = f"from transformers import AutoTokenizer; AutoTokenizer.from_pretrained({CHAT!r})"
    stage.in_another_python(code, HF_HUB_OFFLINE="1", HF_HOME=str(stage.folder))


@fails_as("disk-full")
def save_to_a_full_disk(stage: Stage) -> None:
    with Path("/dev/full").open("wb") as full:
        full.write(Path(hf_hub_download(CHAT, "model.safetensors")).read_bytes())


# -- memory -------------------------------------------------------------------------------------


@fails_as("host-memory-full")
def more_than_an_address_space(stage: Stage) -> None:
    bytearray(10**15)


@fails_as("host-memory-full")
def tensor_beyond_the_limit(stage: Stage) -> None:
    code = "import resource as r, torch; r.setrlimit(r.RLIMIT_AS, (6 * 10**9,) * 2); "
    stage.in_another_python(code + "torch.zeros(4_000_000_000)")


@fails_as("no-gpu-here")
def moved_to_a_gpu(stage: Stage) -> None:
    model().to("cuda")


@fails_as("no-gpu-here")
def budget_for_a_gpu(stage: Stage) -> None:
    model(device_map="auto", max_memory={0: "1GiB", "cpu": "1GiB"})


# -- 16 bits ------------------------------------------------------------------------------------


@fails_as("fp16-overflow")
def activations_beyond_float16(stage: Stage) -> None:
    chat = model(dtype=torch.float16)
    with torch.no_grad():
        chat.model.layers[0].mlp.up_proj.weight.fill_(6e4)
        chat.model.layers[0].mlp.down_proj.weight.fill_(6e4)
        chat.generate(**tokens("Hello"), do_sample=True, max_new_tokens=3)


@fails_as("dtypes-differ")
def half_meets_float(stage: Stage) -> None:
    nn.Linear(4, 4)(torch.ones(2, 4, dtype=torch.float16))


@fails_as("torch-dtype-argument")
def old_name_given_to_the_class(stage: Stage) -> None:
    config = AutoConfig.from_pretrained(CHAT)
    transformers.AutoModelForCausalLM.from_config(config).__class__(config, torch_dtype="auto")


@fails_as("not-a-dtype")
def dtype_that_torch_does_not_have(stage: Stage) -> None:
    model(dtype="fp16")


# -- device_map ---------------------------------------------------------------------------------

WITHOUT = "import sys; sys.modules[{!r}] = None; "
LOAD = (
    f"from transformers import AutoModelForCausalLM;AutoModelForCausalLM.from_pretrained({CHAT!r}, "
)


@fails_as("accelerate-missing")
def device_map_without_accelerate(stage: Stage) -> None:
    stage.in_another_python(WITHOUT.format("accelerate") + LOAD + "device_map='auto')")


@fails_as("accelerate-missing")
def pipeline_without_accelerate(stage: Stage) -> None:
    code = f"pipeline('text-generation', model={CHAT!r}, device_map='auto')"
    stage.in_another_python(
        WITHOUT.format("accelerate") + "from transformers import pipeline; " + code
    )


@fails_as("device-map-incomplete")
def device_map_by_a_wrong_word(stage: Stage) -> None:
    model(device_map="gpu")


PARTS = ("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head")
DEVICES: dict[str, Any] = dict.fromkeys(PARTS, "cpu") | {"model.layers": "disk"}


def spread(stage: Stage) -> Any:
    return model(device_map=DEVICES, offload_folder=str(stage.folder))


@fails_as("no-such-device")
def device_called_gpu(stage: Stage) -> None:
    model().to("gpu")


@fails_as("sampling-settings")
def several_greedy_answers(stage: Stage) -> None:
    model().generate(**tokens("Hi"), do_sample=False, num_return_sequences=2)


@fails_as("placed-model-moved")
def spread_model_moved(stage: Stage) -> None:
    spread(stage).to("cpu")


@fails_as("placed-model-moved")
def spread_model_in_a_pipeline_with_a_device(stage: Stage) -> None:
    tokenizer = AutoTokenizer.from_pretrained(CHAT)
    pipeline("text-generation", model=spread(stage), tokenizer=tokenizer, device="cpu")


@fails_as("weights-never-loaded")
def meta_weights_moved(stage: Stage) -> None:
    nn.Linear(4, 4, device="meta").to("cpu")


@fails_as("weights-never-loaded")
def meta_weights_used(stage: Stage) -> None:
    nn.Linear(4, 4, device="meta")(torch.ones(1, 4))


@fails_as("weights-on-the-disk")
def disk_without_a_folder(stage: Stage) -> None:
    from accelerate import dispatch_model

    dispatch_model(model(), {"": "disk"})


# -- 4 bits -------------------------------------------------------------------------------------


@fails_as("bitsandbytes-missing")
def four_bits_without_bitsandbytes(stage: Stage) -> None:
    options = "quantization_config=transformers.BitsAndBytesConfig(load_in_4bit=True))"
    code = WITHOUT.format("bitsandbytes") + "import transformers; " + LOAD + options
    stage.in_another_python(code)


@fails_as("quantized-model-spills")
def four_bits_on_the_disk(stage: Stage) -> None:
    model(quantization_config=FOUR_BITS, device_map=DEVICES)


@fails_as("load-in-4bit-argument")
def four_bits_as_an_argument(stage: Stage) -> None:
    model(load_in_4bit=True)


@fails_as("load-in-4bit-argument")
def eight_bits_as_an_argument_of_pipeline(stage: Stage) -> None:
    pipeline("text-generation", model=CHAT, model_kwargs={"load_in_8bit": True})


@fails_as("four-and-eight-bits")
def both_at_once(stage: Stage) -> None:
    BitsAndBytesConfig(load_in_4bit=True, load_in_8bit=True)


@fails_as("quantized-model-converted")
def half_of_four_bits(stage: Stage) -> None:
    model(quantization_config=FOUR_BITS).half()


@fails_as("quantized-model-converted")
def dtype_of_four_bits(stage: Stage) -> None:
    model(quantization_config=FOUR_BITS).to(torch.float16)


@fails_as("quantized-model-trained")
def trained_in_four_bits(stage: Stage) -> None:
    arguments = transformers.TrainingArguments(output_dir=str(stage.folder), report_to=[])
    transformers.Trainer(model(quantization_config=FOUR_BITS), arguments)


@fails_as("already-quantized")
def quantized_twice(stage: Stage) -> None:
    copy = stage.copy(quantization_config={"quant_method": "mxfp4"})
    AutoModelForCausalLM.from_pretrained(copy, quantization_config=FOUR_BITS)


@fails_as("quantizer-package-missing")
def quantizer_not_installed(stage: Stage) -> None:
    copy = stage.copy(quantization_config={"quant_method": "gptq", "bits": 4})
    AutoModelForCausalLM.from_pretrained(copy)


@fails_as("quantizer-package-missing")
def other_quantizer_not_installed(stage: Stage) -> None:
    copy = stage.copy(quantization_config={"quant_method": "compressed-tensors"})
    AutoModelForCausalLM.from_pretrained(copy)


# -- files --------------------------------------------------------------------------------------


@fails_as("remote-code")
def code_of_a_repo(stage: Stage) -> None:
    stage.in_another_python(
        "from transformers import AutoModelForSequenceClassification as A;"
        f"A.from_pretrained({CODE!r})"
    )


@fails_as("remote-code")
def code_of_a_repo_declined(stage: Stage) -> None:
    AutoModelForSequenceClassification.from_pretrained(CODE, trust_remote_code=False)


class Surprise:
    """What an evil author would put into a pickle."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return print, ("this would have run",)


@fails_as("pickle-refused")
def pickle_with_code(stage: Stage) -> None:
    torch.save({"weight": Surprise()}, stage.folder / "pytorch_model.bin")
    torch.load(stage.folder / "pytorch_model.bin")


@fails_as("pickle-refused")
def checkpoint_with_code(stage: Stage) -> None:
    copy = Path(stage.copy())
    (copy / "model.safetensors").unlink()
    torch.save({"weight": Surprise()}, copy / "pytorch_model.bin")
    AutoModelForCausalLM.from_pretrained(copy)


@fails_as("only-pickles-there")
def safetensors_wanted(stage: Stage) -> None:
    copy = snapshot_download(PICKLE, local_dir=stage.folder)
    AutoModelForSequenceClassification.from_pretrained(copy, use_safetensors=True)


@fails_as("gguf-where-weights-were-expected")
def gguf_repo(stage: Stage) -> None:
    config = json.dumps({"model_type": "llama"})
    files = {"config.json": config, "tiny.Q4_K_M.gguf": b"GGUF\x03\0\0\0"}
    with own_hub.serving(own_hub.repo("lab/tiny-chat-GGUF", files)):
        AutoModelForCausalLM.from_pretrained("lab/tiny-chat-GGUF")


@fails_as("gguf-where-weights-were-expected")
def gguf_repo_without_a_config(stage: Stage) -> None:
    with own_hub.serving(own_hub.repo("lab/tiny-GGUF", {"tiny.gguf": b"GGUF\x03\0\0\0"})):
        AutoModelForCausalLM.from_pretrained("lab/tiny-GGUF")


@fails_as("gguf-not-readable")
def gguf_file_cut_off(stage: Stage) -> None:
    copy = Path(stage.copy())
    (copy / "tiny.gguf").write_bytes(b"GGUF\x03\0\0\0")
    AutoModelForCausalLM.from_pretrained(copy, gguf_file="tiny.gguf")


@fails_as("adapter-where-weights-were-expected")
def adapter_repo(stage: Stage) -> None:
    config = json.dumps({"peft_type": "LORA", "base_model_name_or_path": CHAT})
    files = {"adapter_config.json": config, "adapter_model.safetensors": b"\0" * 8}
    with own_hub.serving(own_hub.repo("lab/tiny-lora", files)):
        AutoModelForCausalLM.from_pretrained("lab/tiny-lora")


@fails_as("adapter-where-weights-were-expected")
def adapter_without_peft(stage: Stage) -> None:
    model().load_adapter("lab/tiny-lora")


@fails_as("no-weights-of-this-kind")
def repo_without_weights(stage: Stage) -> None:
    copy = Path(stage.copy())
    (copy / "model.safetensors").unlink()
    AutoModelForCausalLM.from_pretrained(copy)


@fails_as("no-config")
def config_without_a_type(stage: Stage) -> None:
    (stage.folder / "config.json").write_text("{}")
    AutoModelForCausalLM.from_pretrained(stage.folder)


@fails_as("config-damaged")
def config_that_is_a_page(stage: Stage) -> None:
    (stage.folder / "config.json").write_text("<!doctype html><title>Hotel Wi-Fi</title>")
    AutoConfig.from_pretrained(stage.folder)


@fails_as("architecture-unknown")
def model_type_of_tomorrow(stage: Stage) -> None:
    AutoModelForCausalLM.from_pretrained(stage.copy(model_type="qwen9_next"))


@fails_as("wrong-auto-class")
def text_model_as_an_image_model(stage: Stage) -> None:
    AutoModelForImageClassification.from_pretrained(CHAT)


@fails_as("checkpoint-does-not-match")
def other_vocabulary(stage: Stage) -> None:
    model(vocab_size=64)


@fails_as("checkpoint-does-not-match")
def other_shape_in_plain_torch(stage: Stage) -> None:
    nn.Linear(4, 4).load_state_dict(nn.Linear(8, 4).state_dict())


@fails_as("checkpoint-does-not-match")
def other_names_in_plain_torch(stage: Stage) -> None:
    nn.Linear(4, 4).load_state_dict({"kernel": torch.zeros(4, 4)})


@fails_as("weights-file-damaged")
def note_of_git_lfs(stage: Stage) -> None:
    copy = Path(stage.copy())
    note = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 4932\n"
    (copy / "model.safetensors").write_text(note)
    AutoModelForCausalLM.from_pretrained(copy)


@fails_as("weights-file-damaged")
def half_of_the_weights(stage: Stage) -> None:
    copy = Path(stage.copy())
    whole = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    AutoModelForCausalLM.from_pretrained(copy)


@fails_as("weights-file-damaged")
def pickle_that_is_a_note(stage: Stage) -> None:
    (stage.folder / "pytorch_model.bin").write_text("version https://git-lfs.github.com/spec/v1\n")
    torch.load(stage.folder / "pytorch_model.bin")


@fails_as("captive-portal")
def pickle_that_is_a_page(stage: Stage) -> None:
    (stage.folder / "pytorch_model.bin").write_text("<!doctype html>")
    torch.load(stage.folder / "pytorch_model.bin", weights_only=False)


# -- tasks, names, packages ---------------------------------------------------------------------


@fails_as("task-removed")
def summarization(stage: Stage) -> None:
    pipeline("summarization")


@fails_as("task-removed")
def translation(stage: Stage) -> None:
    pipeline("translation_en_to_fr")


@fails_as("task-unknown")
def misspelled_task(stage: Stage) -> None:
    pipeline("text-generaton")


@fails_as("versions-do-not-fit")
def name_that_is_gone(stage: Stage) -> None:
    from huggingface_hub import cached_download  # noqa: F401


@fails_as("argument-renamed")
def filter_that_is_gone(stage: Stage) -> None:
    list(list_models(task="text-generation"))


@fails_as("flash-attention-missing")
def flash_attention(stage: Stage) -> None:
    model(attn_implementation="flash_attention_2")


@fails_as("package-missing")
def template_without_jinja(stage: Stage) -> None:
    code = (
        f"from transformers import AutoTokenizer; t = AutoTokenizer.from_pretrained({CHAT!r});"
        "t.apply_chat_template([{'role': 'user', 'content': 'Hi'}])"
    )
    stage.in_another_python(WITHOUT.format("jinja2") + code)


@fails_as("shadowed-by-your-file")
def file_called_transformers(stage: Stage) -> None:
    (stage.folder / "transformers.py").write_text("from transformers import pipeline\n")
    stage.in_another_python("import transformers", PYTHONPATH=str(stage.folder))


# -- words in, words out ------------------------------------------------------------------------


@fails_as("no-chat-template")
def base_model_asked_to_chat(stage: Stage) -> None:
    AutoTokenizer.from_pretrained(MASK).apply_chat_template([{"role": "user", "content": "Hi"}])


@fails_as("chat-template-refuses")
def two_users_in_a_row(stage: Stage) -> None:
    tokenizer = AutoTokenizer.from_pretrained(CHAT)
    tokenizer.chat_template = (
        "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/…') }}"
        "{% endif %}{% endfor %}"
    )
    tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}] * 2)


@fails_as("no-pad-token")
def texts_without_a_pad_token(stage: Stage) -> None:
    tokenizer = AutoTokenizer.from_pretrained(CHAT)
    tokenizer.pad_token = None
    tokenizer(["Hi", "Hello there"], padding=True)


@fails_as("texts-of-different-lengths")
def texts_without_padding(stage: Stage) -> None:
    tokens(["Hi", "Hello there, how are you?"])


@fails_as("index-outside-the-table")
def token_beyond_the_vocabulary(stage: Stage) -> None:
    model()(torch.tensor([[10**6]]))


@fails_as("sampling-settings")
def temperature_of_zero(stage: Stage) -> None:
    model().generate(**tokens("Hi"), do_sample=True, temperature=0.0)


@fails_as("generate-does-not-know-it")
def misspelled_setting(stage: Stage) -> None:
    model().generate(**tokens("Hi"), max_new_token=3)


@fails_as("whole-encoding-passed")
def encoding_not_unpacked(stage: Stage) -> None:
    model().generate(tokens("Hi"), max_new_tokens=3)


@fails_as("empty-prompt")
def no_tokens_at_all(stage: Stage) -> None:
    model().generate(torch.zeros((1, 0), dtype=torch.long), max_new_tokens=2)


@fails_as("no-mask-in-text")
def text_without_a_mask(stage: Stage) -> None:
    pipeline("fill-mask", model=MASK)("There is nothing to fill in here.")
