"""Many clients, few files: more are asked for, the silent hung up on, the rest refused in order."""

from __future__ import annotations

import contextlib
import http.client
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from practice_hub import PracticeHub
from tests.support.paths import ROOT

SERVE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}))
from practice_hub import PracticeHub
hub = PracticeHub(silent_seconds={silent}).start()
print(hub.url, resource.getrlimit(resource.RLIMIT_NOFILE)[0], flush=True)
threading = __import__("threading")
threading.Thread(target=lambda: (sys.stdin.read(), hub.stop()), daemon=True).start()
hub._thread.join()
"""


@contextlib.contextmanager
def serving(hard: int, silent: float) -> Iterator[tuple[str, int, subprocess.Popen[str]]]:
    """A Hub in a process of its own that was given 256 files."""
    code = SERVE.format(hard=hard, silent=silent)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url, limit = process.stdout.readline().split()
        yield url, int(limit), process
    finally:
        process.kill()
        process.wait()


def ask(url: str) -> int:
    line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    line.request("GET", "/practice/tiny-chat/resolve/main/model.safetensors")
    answer = line.getresponse()
    answer.read()
    return answer.status


def many(url: str, number: int) -> list[socket.socket]:
    host, port = urlsplit(url).hostname, urlsplit(url).port
    return [socket.create_connection((host, port), timeout=30) for _ in range(number)]


def test_the_soft_limit_is_raised_at_the_start():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 1000:
        pytest.skip("this machine allows no more files")
    with serving(hard, 60) as (url, limit, _):
        assert limit >= 1000
        with ThreadPool(50) as statuses:
            assert statuses(lambda: ask(url)) == [200] * 50


class ThreadPool:
    """Calls at the same moment."""

    def __init__(self, number: int) -> None:
        self.barrier = threading.Barrier(number)
        self.number = number

    def __enter__(self):
        from concurrent.futures import ThreadPoolExecutor

        self.pool = ThreadPoolExecutor(self.number)

        def at_once(call):
            def wait_and_call(_: int):
                self.barrier.wait()
                return call()

            return list(self.pool.map(wait_and_call, range(self.number)))

        return at_once

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown()


def test_where_no_more_are_to_be_had_the_rest_is_refused_in_order():
    with serving(256, 60) as (url, limit, process):
        assert limit == 256
        held = many(url, 400)
        assert ask_until_told(url) == 503
        for one in held:
            one.close()
        assert eventually(lambda: ask(url), 200)
        process.stdin.close()
        process.wait(30)
        assert len(process.stderr.read()) < 2000


def ask_until_told(url: str) -> int:
    for _ in range(20):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return ask(url)
        time.sleep(0.2)
    raise AssertionError("no answer at all")


def eventually(call, wanted) -> bool:
    for _ in range(60):
        with contextlib.suppress(OSError, http.client.HTTPException):
            if call() == wanted:
                return True
        time.sleep(0.2)
    return False


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /api/mod",
        b"GET /models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ",
        b"POST /oauth/device HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\nclient",
    ],
)
def test_a_connection_that_stays_silent_is_closed(sent):
    with PracticeHub(silent_seconds=0.3) as hub:
        (line,) = many(hub.url, 1)
        line.sendall(sent)
        assert line.recv(100) == b""  # closed from there; a timeout of 30 s would raise


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: ",
        b"POST /oauth/device HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000\r\n\r\n",
        b"GET /static/hub.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /models HTTP/1.1\r\nX-Long: ",
    ],
)
def test_one_byte_now_and_then_keeps_no_connection(begun):
    with PracticeHub(silent_seconds=0.5) as hub:
        (line,) = many(hub.url, 1)
        line.sendall(begun)
        with pytest.raises(OSError):
            for _ in range(300):  # 30 s, and never silent for as long as half a second
                line.sendall(b"x")
                time.sleep(0.1)


def test_requests_one_after_the_other_keep_theirs():
    with PracticeHub(silent_seconds=0.5) as hub:
        line = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=30)
        line.connect()
        own = line.sock
        for _ in range(10):
            line.request("GET", "/static/mark.svg")
            assert line.getresponse().read()
            time.sleep(0.15)
        assert line.sock is own


def test_a_client_that_takes_nothing_is_hung_up_on():
    with PracticeHub(silent_seconds=0.3) as hub:
        (line,) = many(hub.url, 1)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        path = b"/practice/tiny-chat/resolve/main/model.safetensors"
        line.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        for _ in range(100):
            if not hub.connected():
                break
            time.sleep(0.1)
        assert hub.connected() == 0


def test_who_waits_for_a_slow_answer_is_not_hung_up_on():
    with PracticeHub(silent_seconds=0.2) as hub:
        line = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=1.5)
        line.request("GET", "/api/models/trouble/hangs")
        with pytest.raises(TimeoutError):  # the client's own, not a connection closed from there
            line.getresponse()


def test_a_busy_hub_says_so_to_programs():
    from practice_hub.connections import REFUSAL

    assert re.search(rb"X-Error-Message: .*Try again", REFUSAL)
