"""What lesson 10 says of models that do not fit, held against the installed versions.

Each test is named by a claim in ``course_utils/curriculum.toml``; when one fails, that sentence has
to be mended.
"""

from __future__ import annotations

import json
import logging
from http.server import BaseHTTPRequestHandler

import pytest
import torch
from accelerate import infer_auto_device_map
from huggingface_hub import HfApi, InferenceClient, hf_hub_download
from huggingface_hub.errors import GatedRepoError
from transformers import AutoModelForCausalLM, LlamaConfig

import course_utils as cu
from tests.support.servers import Reply, http_server

CHAT = "practice/tiny-chat"
GIANT = "meta-llama/Llama-3.1-70B-Instruct"
QUESTION = [{"role": "user", "content": "What is a model card?"}]
SHAPE = LlamaConfig(
    vocab_size=128256,
    hidden_size=8192,
    intermediate_size=28672,
    num_hidden_layers=80,
    num_attention_heads=64,
    num_key_value_heads=8,
    dtype="bfloat16",
)


@pytest.fixture(scope="module")
def skeleton():
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(SHAPE, dtype=torch.bfloat16)


# Before any download


def test_a_gated_repo_tells_its_size(visitor):
    info = HfApi().model_info(GIANT, files_metadata=True)
    assert info.gated and set(info.safetensors.parameters) == {"BF16"}
    size = sum(file.size for file in info.siblings if file.rfilename.endswith(".safetensors"))
    assert 0 <= size - 2 * info.safetensors.total < 1_000_000
    with pytest.raises(GatedRepoError):
        hf_hub_download(GIANT, "config.json")


def test_six_numbers_build_the_skeleton_of_a_70b(skeleton):
    assert skeleton.num_parameters() == HfApi().model_info(GIANT).safetensors.total
    assert {weight.device.type for weight in skeleton.parameters()} == {"meta"}


def test_siblings_are_found_by_owner_and_size():
    asked = {"author": "Qwen", "num_parameters": "min:2B,max:9B"}
    fields = ["safetensors", "gated", "downloads"]
    found = list(HfApi().list_models(**asked, sort="downloads", expand=fields))
    assert "Qwen/Qwen2.5-7B-Instruct" in [model.id for model in found]
    assert all(model.id.startswith("Qwen/") and model.gated is False for model in found)
    assert all(2e9 <= model.safetensors.total <= 9e9 for model in found)
    downloads = [model.downloads for model in found]
    assert downloads == sorted(downloads, reverse=True)


# Several GPUs


def test_a_70b_in_16_bits_goes_onto_two_cards_of_80_gb(skeleton, monkeypatch):
    monkeypatch.setattr(logging.getLogger("accelerate"), "level", logging.ERROR)
    budget = {0: "76GiB", 1: "76GiB", "cpu": "100GiB"}
    plan = infer_auto_device_map(skeleton, budget, no_split_module_classes=["LlamaDecoderLayer"])
    assert set(plan.values()) == {0, 1}
    cards = [plan[f"model.layers.{layer}"] for layer in range(80)]
    assert cards == sorted(cards)


# Somebody else's hardware


def test_the_client_and_the_local_server_understand_each_other(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    with cu.local_server(CHAT) as url:
        client = InferenceClient(base_url=url, api_key="none")
        answer = client.chat_completion(QUESTION, model=CHAT, max_tokens=60)
        text = answer.choices[0].message.content
        stream = client.chat_completion(QUESTION, model=CHAT, max_tokens=60, stream=True)
        parts = [part.choices[0].delta.content or "" for part in stream if part.choices]
        with pytest.raises(OSError) as refused:
            client.chat_completion(QUESTION, model=GIANT)
    assert text.startswith("A model card is the README")
    assert "".join(parts) == text and len(parts) > 20
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 20
    assert refused.value.response.status_code == 400
    assert CHAT in refused.value.response.json()["detail"]


def test_the_client_sends_the_hub_token_to_any_address(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_only_for_the_hub")
    heard: list[str | None] = []

    def reply(request: BaseHTTPRequestHandler) -> Reply:
        heard.append(request.headers.get("authorization"))
        request.rfile.read(int(request.headers["content-length"]))
        message = {"role": "assistant", "content": "hi"}
        body = json.dumps({"choices": [{"index": 0, "message": message}]}).encode()
        return 200, {"content-type": "application/json", "content-length": str(len(body))}, body

    with http_server(reply) as stranger:
        InferenceClient(base_url=stranger).chat_completion(QUESTION, model=CHAT)
        InferenceClient(base_url=stranger, api_key="none").chat_completion(QUESTION, model=CHAT)
    assert heard == ["Bearer hf_only_for_the_hub", "Bearer none"]


def test_transformers_serve_can_batch_continuously(run_python):
    code = "from transformers.cli.transformers import main; import sys\n"
    code += 'sys.argv = ["transformers", "serve", "--help"]; main()'
    words = " ".join(run_python(code, COLUMNS="200").stdout.split())
    assert "--continuous-batching" in words and "with paged attention" in words


# What goes wrong


def test_no_server_is_a_connection_error():
    client = InferenceClient(base_url="http://127.0.0.1:9", api_key="none")
    with pytest.raises(Exception, match="refused") as raised:
        client.chat_completion(QUESTION, model=CHAT)
    assert raised.type.__name__ == "ConnectError"


def test_allocators_that_refuse_raise_runtime_errors():
    with pytest.raises(RuntimeError, match="DefaultCPUAllocator: can't allocate memory"):
        torch.empty(2**47, dtype=torch.uint8)
    assert issubclass(torch.OutOfMemoryError, RuntimeError)
