"""What ``make lab`` starts ends with it: whenever it is told to end, and if it is killed itself."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from jupyter_client import BlockingKernelClient

from tests.support.lab_server import HUB, SERVER, Lab, lab_server
from tools.lab import end

STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("stubborn", flush=True)
while True:
    try:
        signal.pause()
    except BaseException:
        pass
"""


@pytest.fixture
def lab(tmp_path) -> Iterator[Lab]:
    """Its end is looked at after the test as well: nothing may be left."""
    (tmp_path / "notebooks").mkdir()
    with lab_server(tmp_path) as lab:
        yield lab


def ask(lab: Lab, path: str, content: bytes | None = None) -> bytes:
    """As a page of this JupyterLab asks. Its address is printed before anybody listens there."""
    address, token = lab.address.split("/lab?token=")
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{address}/{path}", content, headers)
    for _ in range(100):
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.read()
        except urllib.error.URLError as error:
            assert isinstance(error.reason, ConnectionRefusedError), error
            time.sleep(0.1)
    raise AssertionError("nobody listens")


def start_kernel(lab: Lab) -> BlockingKernelClient:
    """A kernel of this JupyterLab that answers."""
    kernel = json.loads(ask(lab, "api/kernels", b"{}"))["id"]
    client = BlockingKernelClient(connection_file=str(lab.runtime / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    return client


def before_the_hub(lab: Lab) -> None:
    pass


def while_jupyterlab_is_started(lab: Lab) -> None:
    lab.said(HUB)


def when_it_has_said_its_address(lab: Lab) -> None:
    lab.said(SERVER)


def with_an_idle_kernel(lab: Lab) -> None:
    start_kernel(lab).stop_channels()


def with_a_kernel_that_will_not_end(lab: Lab) -> None:
    client = start_kernel(lab)
    client.execute(STUBBORN)
    while client.get_iopub_msg(timeout=60)["content"].get("text") != "stubborn\n":
        pass
    client.stop_channels()


MOMENTS = (
    before_the_hub,
    while_jupyterlab_is_started,
    when_it_has_said_its_address,
    with_an_idle_kernel,
    with_a_kernel_that_will_not_end,
)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.__name__)
def test_told_to_end_it_leaves_nothing(lab: Lab, moment: Callable[[Lab], None]):
    moment(lab)
    lab.end()
    assert lab.session() == []


def test_a_thread_of_jupyterlab_that_waits_for_the_network_is_not_waited_for(tmp_path):
    """As when it looked for updates while no name was resolved, and did not end for minutes."""
    (tmp_path / "notebooks").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/pypi"
        with lab_server(tmp_path, f"--PyPIExtensionManager.base_url={url}") as lab:
            page = threading.Thread(target=ask_in_vain, args=(lab, "lab/api/extensions?query=a"))
            page.start()
            silent.accept()
            lab.end()
        page.join()


def ask_in_vain(lab: Lab, path: str) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(lab, path)


def test_killed_itself_it_leaves_nothing(lab: Lab):
    with_a_kernel_that_will_not_end(lab)
    assert len(lab.session()) >= 3
    lab.process.kill()
    lab.process.wait()
    while lab.session():  # JupyterLab looks once a second whether tools.lab is there
        time.sleep(0.1)


def test_a_jupyterlab_that_will_not_end_is_killed(monkeypatch):
    monkeypatch.setattr("tools.lab.SECONDS_TO_END", 0.5)
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE) as hung:
        hung.stdout.readline()
        end(hung)
    assert hung.returncode == -signal.SIGKILL
