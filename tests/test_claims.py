"""What the lessons say of the libraries, held against the installed versions.

Each test is named by a claim in ``course_utils/curriculum.toml``; when one fails, that sentence has
to be mended.
"""

from __future__ import annotations

import torch

CHAT = '"practice/tiny-chat"'


def test_endpoint_is_read_at_import(hub, run_python):
    code = """
import os, huggingface_hub
before = huggingface_hub.HfApi().endpoint
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
print(huggingface_hub.HfApi().endpoint == before)
"""
    assert run_python(code, HF_ENDPOINT=hub.url).stdout.strip() == "True"


def test_stored_dtype_is_the_default():
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained("practice/tiny-chat")
    assert model.dtype == torch.bfloat16


def test_files_are_fetched_at_one_commit(recording_practice_hub, run_python):
    code = f"""
from transformers import AutoModelForCausalLM
AutoModelForCausalLM.from_pretrained({CHAT})
"""
    run_python(code, HF_ENDPOINT=recording_practice_hub.url)
    paths = recording_practice_hub.paths
    sha = recording_practice_hub.sha
    assert [path for path in paths if path == "/api/models/practice/tiny-chat"]
    resolved = [path for path in paths if "/resolve/" in path]
    assert "/practice/tiny-chat/resolve/" + sha + "/model.safetensors" in resolved
    assert all(f"/resolve/{sha}/" in path for path in resolved)


def test_second_load_downloads_nothing(recording_practice_hub, run_python):
    code = f"""
from transformers import AutoModelForCausalLM
AutoModelForCausalLM.from_pretrained({CHAT})
"""
    run_python(code, HF_ENDPOINT=recording_practice_hub.url)
    first = len(recording_practice_hub.fetched)
    run_python(code, HF_ENDPOINT=recording_practice_hub.url)
    assert first > 0
    assert recording_practice_hub.fetched[first:] == []
