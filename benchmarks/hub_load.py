"""A practice Hub under load: many clients with few files, and a long mix of requests."""

from __future__ import annotations

import http.client
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

FILES = 256  # what macOS gives a process
CLIENTS = 100
MIXED = 43_000
AT_ONCE = 20
REPO = "practice/tiny-chat"
PATHS = (
    "/api/models?limit=20",
    "/api/models?search=chat&full=true",
    f"/api/models/{REPO}",
    "/api/models/Qwen/Qwen2.5-7B-Instruct",
    f"/api/models/{REPO}/tree/main?recursive=true",
    f"/{REPO}/resolve/main/config.json",
    f"/{REPO}/resolve/main/README.md",
    "/practice/gated-chat/resolve/main/config.json",
    "/api/models/practice/no-such-model",
    "/gpt2/resolve/main/config.json",
    "/models",
    f"/{REPO}",
    "/static/hub.css",
)
EXPECTED = {200, 206, 304, 307, 401}
SERVE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from practice_hub import PracticeHub
hub = PracticeHub().start()
print(hub.url, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Times:
    """Seconds of each request that was answered as expected, and how many were not."""

    seconds: list[float]
    errors: int
    whole: float

    def text(self) -> str:
        cuts = statistics.quantiles(self.seconds, n=100)
        return (
            f"{len(self.seconds):,} in {self.whole:.0f} s, {self.errors} errors, "
            f"p50 {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms"
        )


def figures() -> Iterator[tuple[str, str]]:
    for hard, what in ((resource.getrlimit(resource.RLIMIT_NOFILE)[1], "soft"), (FILES, "hard")):
        with serving(FILES, hard) as url:
            done, seconds = downloads(url)
            name = f"{CLIENTS} clients, {what} limit of {FILES} files"
            yield name, f"{done} downloads complete, {seconds:.1f} s"
    with serving(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]) as url:
        yield f"{MIXED:,} mixed requests, {AT_ONCE} at once", mixed(url).text()


@contextmanager
def serving(soft: int, hard: int) -> Iterator[str]:
    """A Hub in a process of its own, with so many files."""
    code = SERVE.format(soft=soft, hard=hard)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def downloads(url: str) -> tuple[int, float]:
    """How many of the clients, all at once, got the whole repo; and seconds until the last."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    start = threading.Barrier(CLIENTS)
    with tempfile.TemporaryDirectory() as folder:

        def client(number: int) -> bool:
            start.wait()
            try:
                place = Path(folder, str(number))
                snapshot_download(REPO, endpoint=url, token=False, cache_dir=place, max_workers=2)
            except Exception as error:  # counted, whatever it is
                print(f"client {number}: {error!r}"[:200], file=sys.stderr)
                return False
            return True

        began = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            done = sum(pool.map(client, range(CLIENTS)))
        return done, time.perf_counter() - began


def mixed(url: str, number: int = MIXED) -> Times:
    """A mix of what libraries and browsers ask, over connections that stay open."""
    host = urlsplit(url).netloc
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = list(pool.map(lambda seed: ask_many(host, seed, number // AT_ONCE), range(AT_ONCE)))
    seconds = [one for part, _ in parts for one in part]
    return Times(seconds, sum(errors for _, errors in parts), time.perf_counter() - began)


def ask_many(host: str, seed: int, number: int) -> tuple[list[float], int]:
    choose: Callable[[tuple[str, ...]], str] = random.Random(seed).choice
    line = http.client.HTTPConnection(host, timeout=60)
    seconds, errors = [], 0
    for _ in range(number):
        began = time.perf_counter()
        try:
            line.request("GET", choose(PATHS))
            answer = line.getresponse()
            answer.read()
            good = answer.status in EXPECTED
        except (OSError, http.client.HTTPException):
            line.close()
            good = False
        if good:
            seconds.append(time.perf_counter() - began)
        errors += not good
    return seconds, errors


if __name__ == "__main__":
    for what, figure in figures():
        print(f"{what:<44}{figure}", flush=True)
