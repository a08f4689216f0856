"""Trouble on demand, as the clients meet it."""

from __future__ import annotations

import huggingface_hub.utils
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("too-many-requests", 429),
        ("server-error", 500),
        ("unavailable", 503),
        ("gateway-timeout", 504),
    ],
)
def test_refusals(kind, status):
    with pytest.raises(HfHubHTTPError) as error:
        HfApi().model_info(f"trouble/{kind}")
    assert error.value.response.status_code == status


def test_too_many_requests_says_how_long_to_wait(hub):
    answer = huggingface_hub.utils.get_session().get(
        f"{hub.url}/api/models/trouble/too-many-requests"
    )
    assert answer.headers["ratelimit"] == '"api";r=0;t=1'


@pytest.mark.parametrize("kind", ["captive-portal", "cut-json"])
def test_answers_that_are_no_data(kind):
    with pytest.raises(ValueError):
        HfApi().model_info(f"trouble/{kind}")


@pytest.mark.timeout(60)
def test_a_hub_that_hangs():
    with pytest.raises(Exception, match="(?i)timed? ?out"):
        HfApi().model_info("trouble/hangs", timeout=0.5)


def test_a_download_that_breaks_off_leaves_no_file(tmp_path, hub, run_python):
    code = """
from huggingface_hub import hf_hub_download
hf_hub_download("trouble/truncated-download", "model.safetensors", cache_dir="cache")
"""
    finished = run_python(code, check=False, HF_ENDPOINT=hub.url)
    assert finished.returncode != 0
    assert not list(tmp_path.glob("cache/*/snapshots/*/model.safetensors"))


def test_trouble_stays_where_it_is(hub):
    assert HfApi().model_info("practice/tiny-chat").id
    assert not [model for model in HfApi().list_models() if model.id.startswith("trouble/")]
