"""``local_server``: ``transformers serve`` on this machine, stopped whatever happens."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import IO

from course_utils.errors import CourseError

HOST = "127.0.0.1"
SECONDS = 180.0
NEEDED = ("fastapi", "openai", "pydantic", "uvicorn")

# The server reads from a pipe that only the kernel holds open. When the kernel is gone, even if it
# was killed, the pipe ends, and so does the server.
GUARDED = """
import os, threading

def end_with_the_kernel():
    os.read(0, 1)
    os._exit(0)

threading.Thread(target=end_with_the_kernel, daemon=True).start()
from transformers.cli.transformers import main
main()
"""


@contextmanager
def local_server(model: str, seconds: float = SECONDS) -> Iterator[str]:
    """Run ``transformers serve MODEL`` while the block runs; yields its address.

    It answers on this machine only, at a port that is free, and is stopped when the block is left,
    by an error too. It ends by itself when the kernel dies.

    Args:
        model: repo id or local folder.
        seconds: how long to wait for it. A model that is not in the cache is downloaded first.

    Raises:
        CourseError: packages are missing, the server ended, or it did not answer in time.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise CourseError(
            f"transformers serve needs {', '.join(missing)}, not installed here. Run "
            "`%pip install transformers[serving]`, then restart the kernel."
        )
    with tempfile.TemporaryFile() as log:
        process, url = _start(model, log)
        try:
            print(f"transformers serve {model} at {url}: waiting …", flush=True)
            _wait_for(process, url, log, seconds)
            print("it answers")
            yield url
        finally:
            _stop(process)
    print("stopped")


def _start(model: str, log: IO[bytes]) -> tuple[subprocess.Popen[bytes], str]:
    port = _free_port()
    arguments = ["serve", model, "--host", HOST, "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-c", GUARDED, *arguments],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    return process, f"http://{HOST}:{port}"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(process: subprocess.Popen[bytes], url: str, log: IO[bytes], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CourseError(f"transformers serve ended. {_reason(log)}")
        if _answers(url):
            return
        time.sleep(0.2)
    raise CourseError(f"transformers serve did not answer within {seconds:g} s. {_reason(log)}")


def _answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    broken = OSError, http.client.HTTPException
    with suppress(*broken), direct.open(f"{url}/health", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def _reason(log: IO[bytes]) -> str:
    """The error in what the server wrote, or its last line."""
    log.seek(0)
    lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines()]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return next(reversed(errors or [line for line in lines if line]), "It said nothing.")[:300]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        if process.stdin:
            process.stdin.close()
