"""Which build of PyTorch ``make venv`` takes: a real pip, a real server, a real shared library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tools import torch_build
from tools.torch_build import choose, has_driver

VERSION = torch_build.pinned_version()
PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"
NO_DRIVER = ("libcuda-that-is-not-there.so.1",)
on_linux = partial(choose, system="Linux", drivers=NO_DRIVER)


def make_wheel(folder: Path, version: str, tag: str) -> Path:
    """The smallest thing that pip takes for torch."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"torch-{version}-{tag}.whl"
    inside = f"torch-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(
            f"{inside}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n"
        )
        wheel.writestr(f"{inside}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        wheel.writestr(f"{inside}/RECORD", "")
    return path


@pytest.fixture
def serve() -> Iterator[object]:
    """``serve(handler)``: the address of a server that answers so."""
    servers = []

    def start(handler: object) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)  # type: ignore[arg-type]
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def index(serve, tmp_path) -> str:
    """A page like PyTorch's: a folder with the pinned CPU build, listed."""
    make_wheel(tmp_path / "index", f"{VERSION}+cpu", f"{PYTHON}-none-any")
    return serve(quiet(SimpleHTTPRequestHandler, directory=str(tmp_path / "index")))


def quiet(base: type, **options: object) -> object:
    class Handler(base):  # type: ignore[misc,valid-type]
        def log_message(self, *_: object) -> None: ...

    return partial(Handler, **options)


def answering(status: int, body: bytes) -> object:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return quiet(Handler)


def taken_by_pip(options: tuple[str, ...], tmp_path: Path) -> str:
    """The version that pip takes where an ordinary build and the chosen options are on offer."""
    make_wheel(tmp_path / "ordinary", VERSION, "py3-none-any")
    environment = {name: value for name, value in os.environ.items() if "PIP" not in name}
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-index"]
    command += ["--find-links", "ordinary", "--constraint", str(ROOT / "constraints.txt")]
    subprocess.run(
        [*command, "--dest", "taken", "torch", *options],
        cwd=tmp_path,
        env={**environment, "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "127.0.0.1"},
        check=True,
    )
    (wheel,) = (tmp_path / "taken").iterdir()
    return wheel.name.split("-")[1]


@pytest.mark.parametrize("wanted", ["", "cpu"])
def test_without_a_driver_pip_takes_the_cpu_build_of_pytorchs_index(index, tmp_path, wanted):
    choice = on_linux(wanted, page=index)
    assert "the CPU build, " in choice.words
    assert ("no NVIDIA driver" if not wanted else "TORCH=cpu") in choice.words
    assert taken_by_pip(choice.options, tmp_path) == f"{VERSION}+cpu"


def test_asked_for_cuda_pip_takes_the_ordinary_build_though_the_other_is_there(index, tmp_path):
    choice = on_linux("cuda", page=index)
    assert "TORCH=cuda" in choice.words
    both = (*choice.options, f"--find-links={index}")
    assert taken_by_pip(both, tmp_path) == VERSION


def test_an_index_that_is_not_there_is_said_and_pip_goes_on(serve, tmp_path):
    choice = on_linux(page="http://127.0.0.1:9/", seconds=2)
    assert "did not answer" in choice.words and "CUDA build" in choice.words
    assert taken_by_pip(choice.options, tmp_path) == VERSION


def test_an_index_that_hangs_is_given_up(serve):
    release = threading.Event()

    class Hanging(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
            while not release.wait(0.05):  # never silent, never done
                self.wfile.write(b"<")

    choice = on_linux(page=serve(quiet(Hanging)), seconds=0.5)
    release.set()
    assert choice.options == () and "did not answer (0.5 s)" in choice.words


@pytest.mark.parametrize("status", [403, 404, 503])
def test_an_error_page_is_no_answer(serve, status):
    choice = on_linux(page=serve(answering(status, b"no")))
    assert choice.options == () and "did not answer" in choice.words


def test_a_hotels_login_page_is_not_taken_for_the_index(serve):
    choice = on_linux(page=serve(answering(200, b"<html>Welcome to our Wi-Fi</html>")))
    assert choice.options == () and "lists none" in choice.words


def test_without_any_index_none_is_asked(index, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    choice = on_linux(page=index)
    assert choice.options == () and "PIP_NO_INDEX" in choice.words


def test_another_pythons_wheel_does_not_count(serve):
    page = f'<a href="torch-{VERSION}%2Bcpu-cp39-cp39-linux_x86_64.whl">'.encode()
    assert on_linux(page=serve(answering(200, page))).options == ()


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_other_systems_have_one_build(system):
    choice = choose(system=system, page="http://127.0.0.1:9/")
    assert choice.options == () and "one build" in choice.words


@pytest.mark.skipif(not shutil.which("cc"), reason="makes a shared library, and needs cc for it")
@pytest.mark.skipif(sys.platform != "linux", reason="a driver as Linux has it")
@pytest.mark.parametrize(("answer", "there"), [(0, True), (100, False)])
def test_a_driver_counts_when_it_finds_a_gpu(tmp_path, answer, there):
    source, library = tmp_path / "driver.c", tmp_path / "libcuda.so.1"
    source.write_text(f"int cuInit(unsigned int flags) {{ return {answer}; }}")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    assert has_driver((*NO_DRIVER, str(library))) is there
    if there:
        choice = choose(system="Linux", drivers=(str(library),), page="http://127.0.0.1:9/")
        assert choice.options == () and "There is an NVIDIA driver" in choice.words


def test_a_wrong_word_is_refused_and_the_right_ones_are_named():
    command = [sys.executable, "-m", "tools.torch_build", "gpu"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 2 and told.stdout == ""
    assert '"cpu", "cuda"' in told.stderr and "'gpu'" in told.stderr
