"""``local_server``: the real ``transformers serve``, on loopback, and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib import util

import psutil
import pytest
from huggingface_hub import InferenceClient

import course_utils as cu
from tests.support.paths import ROOT

CHAT = "practice/tiny-chat"


@pytest.fixture(autouse=True)
def with_the_hub(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)


def servers():
    running = psutil.Process().children(recursive=True)
    return [process for process in running if "serve" in process.cmdline()]


def test_it_answers_on_loopback_alone_and_is_gone_afterwards(capsys):
    with cu.local_server(CHAT) as url:
        (server,) = servers()
        heard = [one.laddr.ip for one in server.net_connections() if one.status == "LISTEN"]
        client = InferenceClient(base_url=url, api_key="none")
        question = [{"role": "user", "content": "What is a repo id?"}]
        answer = client.chat_completion(question, model=CHAT, max_tokens=60)
    assert heard == ["127.0.0.1"]
    assert answer.choices[0].message.content.startswith("A repo id is")
    assert not server.is_running() and servers() == []
    assert url in capsys.readouterr().out


def test_an_error_in_the_block_stops_it():
    with pytest.raises(ZeroDivisionError), cu.local_server(CHAT):
        assert servers()
        _ = 1 / 0
    assert servers() == []


def test_it_ends_when_the_kernel_is_killed(tmp_path):
    code = f"""
import time, course_utils as cu
with cu.local_server("{CHAT}"):
    print("up", flush=True)
    time.sleep(60)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    kernel = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert any(line == "up\n" for line in kernel.stdout)
    (server,) = psutil.Process(kernel.pid).children()
    kernel.send_signal(signal.SIGKILL)
    kernel.wait()
    kernel.stdout.close()
    assert psutil.wait_procs([server], timeout=10)[1] == []


def test_what_cannot_be_served_is_said():
    with (
        pytest.raises(cu.CourseError, match="OSError: practice/nowhere is not a"),
        cu.local_server("practice/nowhere"),
    ):
        pass
    assert servers() == []


def test_waiting_has_an_end():
    with (
        pytest.raises(cu.CourseError, match="did not answer within 0 s"),
        cu.local_server(CHAT, seconds=0),
    ):
        pass
    assert servers() == []


def test_missing_packages_are_named(monkeypatch):
    found = util.find_spec
    monkeypatch.setattr(
        "course_utils.serving.find_spec",
        lambda name: None if name == "fastapi" else found(name),
    )
    with (
        pytest.raises(cu.CourseError, match=r"needs fastapi.*transformers\[serving\]"),
        cu.local_server(CHAT),
    ):
        pass
