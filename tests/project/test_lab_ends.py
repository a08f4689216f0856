"""What ``make lab`` starts ends with it: whenever it is told to end, and if it is killed itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
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


def start_kernel(lab: Lab) -> BlockingKernelClient:
    """A kernel of this JupyterLab, asked for as its page asks for one, when it answers."""
    address, token = lab.address.split("/lab?token=")
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    for _ in range(100):  # the address is printed before anybody listens
        try:
            asked = urllib.request.Request(f"{address}/api/kernels", b"{}", headers)
            with urllib.request.urlopen(asked) as answer:
                kernel = json.load(answer)["id"]
            break
        except urllib.error.URLError:
            time.sleep(0.1)
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
