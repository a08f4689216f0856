"""explain_error(): where the error comes from, what is shown of it, and what never is."""

from __future__ import annotations

import dataclasses
import json
import sys

import pytest

import course_utils as cu
from course_utils.errors import CourseError, HubTrouble

TOKEN = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz012345"
OOM = (
    "CUDA out of memory. Tried to allocate 112.00 MiB. GPU 0 has a total capacity of 14.74 GiB "
    "of which 62.12 MiB is free."
)


def everything(explained: cu.Explanation) -> str:
    return f"{explained}{explained!r}{explained._repr_html_()}{json.dumps(explained.to_dict())}"


def test_the_error_being_handled_comes_first(monkeypatch):
    monkeypatch.setattr(sys, "last_value", KeyError("x"), raising=False)
    monkeypatch.setattr(sys, "last_exc", KeyError("x"), raising=False)
    try:
        raise RuntimeError(OOM)
    except RuntimeError:
        assert cu.explain_error().name == "gpu-memory-full"
    assert cu.explain_error().name == "unknown"


def test_nothing_has_failed_yet(monkeypatch):
    monkeypatch.delattr(sys, "last_value", raising=False)
    monkeypatch.delattr(sys, "last_exc", raising=False)
    with pytest.raises(CourseError, match="Nothing has gone wrong"):
        cu.explain_error()


def test_numbers_of_the_traceback_are_in_the_explanation():
    explained = cu.explain_error(RuntimeError(OOM))
    assert "112.00 MiB" in explained.why and "62.12 MiB of 14.74 GiB" in explained.why
    assert "{" not in str(explained)
    assert explained.steps[1].startswith("Load in 16 bits")
    assert explained.steps[2].startswith("Load in 4 bits")
    assert "smaller model" in explained.steps[3] and "bigger GPU" in explained.steps[4]
    assert explained.lesson.startswith("05 ")
    # A sentence whose numbers are missing is left out.
    assert "more." not in cu.explain_error(RuntimeError("CUDA out of memory.")).why


def test_it_prints_shows_and_becomes_a_dict():
    explained = cu.explain_error(RuntimeError(OOM))
    assert str(explained).startswith("The GPU's memory is full.\n")
    for words in ("why", "first", "second", "third", "notebook", "told by"):
        assert f"  {words} " in str(explained)
        assert f">{words}<" in explained._repr_html_()
    assert explained.to_dict()["name"] == "gpu-memory-full"
    with pytest.raises(dataclasses.FrozenInstanceError):
        explained.name = "x"
    html = cu.explain_error("ValueError: <b>x</b> requires `accelerate`")._repr_html_()
    assert "<b>x</b>" not in html


@pytest.mark.parametrize(
    "text",
    [
        f"httpx.LocalProtocolError: Illegal header value b'Bearer {TOKEN}\\n'",
        f"ValueError: login(token='{TOKEN}') failed",
        f"HfHubHTTPError: Invalid user token. {{'authorization': 'Bearer {TOKEN}'}}",
        'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n'
        f'    login(token="{TOKEN}")\nHfHubHTTPError: Invalid user token.',
        f"OSError: 403 Client Error for url: https://user:{TOKEN}@huggingface.co/x",
        f"OSError: HF_TOKEN={TOKEN} is wrong",
        f"KeyError: '{TOKEN}'",
        f"RuntimeError: \x1b[0;31mBearer {TOKEN}\x1b[0m",
    ],
)
def test_no_token_is_ever_shown(text):
    shown = everything(cu.explain_error(text))
    assert TOKEN not in shown and TOKEN[3:] not in shown and TOKEN[-8:] not in shown


@pytest.mark.parametrize(
    "secret",
    ["eyJhbGciOi.JIUzI1NiIs.abcdef", "practice-word-12345", "Zm9vOmJhcmJhenF1eA=="],
)
def test_no_secret_of_another_kind_is_shown(secret, monkeypatch):
    for text in (
        f"ValueError: Authorization: Bearer {secret}",
        f"ValueError: url https://cdn.example.com/x?X-Amz-Signature={secret}&a=1",
        f"ValueError: api_key={secret}",
    ):
        assert secret not in everything(cu.explain_error(text))
        assert secret not in everything(cu.explain_error(ValueError(text)))
    monkeypatch.setenv("HF_TOKEN", secret)
    assert secret not in everything(cu.explain_error(ValueError(f"sent {secret} to nobody")))


@pytest.mark.parametrize(
    "name", ["hf_hub_download", "hf_device_map", "hf_xet", "hf_raise_for_status"]
)
def test_a_name_in_code_is_no_token(name):
    assert name in cu.explain_error(f"NameError: name '{name}' is not defined").error


@pytest.mark.parametrize("token", ["hf_practice_" + "0" * 24, "hf_oauth_eyJhbGciOi", "hf_abcdefgh"])
def test_tokens_of_every_make_are_masked(token):
    assert token not in everything(cu.explain_error(f"NameError: name '{token}' is not defined"))


def test_a_token_in_the_code_of_an_exception_is_not_shown():
    source = (
        f"def login(token):\n    raise ValueError('Invalid user token')\nlogin(token={TOKEN!r})"
    )
    with pytest.raises(ValueError) as raised:
        exec(compile(source, "cell.py", "exec"), {})
    assert TOKEN[3:] not in everything(cu.explain_error(raised.value))


def test_the_error_behind_the_courses_own_is_explained():
    error = HubTrouble("rate limited")
    cause = OSError("429 Too Many Requests: you have reached your 'api' rate limit.")
    error.__cause__ = cause
    assert cu.explain_error(error).name == "rate-limited"
    alone = cu.explain_error(CourseError("Run cu.start() first."))
    assert alone.name == "the-course-says-so" and "Run cu.start() first." in alone.steps[0]


def test_strange_exceptions_do_no_harm():
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    circle = ValueError("a")
    circle.__cause__ = KeyError("b")
    circle.__cause__.__cause__ = circle
    for error in (Silent(), circle, ValueError("x" * 10**6), ValueError("\x00\x1b[31m")):
        assert cu.explain_error(error).name == "unknown"
    noted = ValueError("x")
    noted.add_note("CUDA out of memory")
    assert cu.explain_error(noted).name == "gpu-memory-full"
    inside = ExceptionGroup("both", [KeyError("a"), RuntimeError(OOM)])
    assert cu.explain_error(inside).name == "gpu-memory-full"
