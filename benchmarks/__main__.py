"""``make bench``: figures of this machine, printed with what they were measured on."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import accuracy, hub_load, published, speed
from benchmarks.widgets import figures as widget_figures
from practice_hub import PracticeHub
from practice_hub.visitor import Visitor, claim

RUNS = 5
ROOM = 30
REQUESTS = 2000
REPO = "practice/tiny-chat"
GATED = "practice/gated-chat"
KEY = "thirty-learners"


def main() -> None:
    print(f"{datetime.date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
    course, widgets = import_seconds("course_utils"), import_seconds("ipywidgets")
    show("import course_utils", f"{course * 1e3:.0f} ms (median of {RUNS} cold processes)")
    show("import ipywidgets", f"{widgets * 1e3:.0f} ms ({widgets / course:.1f} × as long)")
    show("practice Hub, import to first answer", f"{first_answer_seconds() * 1e3:.0f} ms")
    with PracticeHub() as hub:
        show("model_info requests a second, one client", f"{requests_a_second(hub.url):.0f}")
        seconds, megabytes = a_room_downloads(hub.url)
        show(f"{ROOM} clients download tiny-chat", f"{seconds:.1f} s, {megabytes:.0f} MB in all")
    with PracticeHub(room_key=KEY) as hub:
        times, errors = a_room_opens_a_gate(hub.url)
    show(
        f"{ROOM} learners list, agree, download",
        f"{statistics.median(times):.1f} s in the median, {max(times):.1f} s the last, "
        f"{errors} unexpected errors",
    )
    for what, figure in hub_load.figures():
        show(what, figure)
    for what, figure in widget_figures():
        show(what, figure)
    print("\nHow long an answer takes, with the libraries imported", flush=True)
    for what, figure in speed.figures():
        show(what, figure)
    print("\nEstimates against published figures", flush=True)
    published.main()
    print("\nEstimates against loaded models (minutes)", flush=True)
    accuracy.main([])


def show(what: str, figure: str) -> None:
    print(f"{what:<44}{figure}", flush=True)


def cold(code: str) -> list[float]:
    """What ``code`` prints, in as many fresh Pythons as there are runs."""
    command = [sys.executable, "-c", code]
    return [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(RUNS)
    ]


def import_seconds(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return statistics.median(cold(code))


def first_answer_seconds() -> float:
    code = f"""
import time
began = time.perf_counter()
from practice_hub import PracticeHub
from practice_hub.visitor import Visitor
import urllib.request
with PracticeHub() as hub:
    urllib.request.urlopen(hub.url + "/api/models/{REPO}").read()
    print(time.perf_counter() - began)
"""
    return statistics.median(cold(code))


def requests_a_second(url: str) -> float:
    """Measured from a process of its own, so that client and server do not share an interpreter."""
    code = f"""
import http.client, time
from urllib.parse import urlsplit
line = http.client.HTTPConnection(urlsplit("{url}").netloc)
began = time.perf_counter()
for _ in range({REQUESTS}):
    line.request("GET", "/api/models/{REPO}")
    line.getresponse().read()
print({REQUESTS} / (time.perf_counter() - began))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def a_room_downloads(url: str) -> tuple[float, float]:
    """Thirty learners press the key at the same moment: seconds until the last is done, and MB."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    with tempfile.TemporaryDirectory() as folder:

        def learner(number: int) -> int:
            place = Path(folder, str(number))
            snapshot_download(REPO, endpoint=url, token=False, cache_dir=place)
            return sum(path.stat().st_size for path in place.rglob("blobs/*"))

        began = time.perf_counter()
        with ThreadPoolExecutor(ROOM) as room:
            sizes = list(room.map(learner, range(ROOM)))
        return time.perf_counter() - began, sum(sizes) / 1e6


def a_room_opens_a_gate(url: str) -> tuple[list[float], int]:
    """The whole walk by thirty learners at once: seconds for each, and errors nobody provoked."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError

    with tempfile.TemporaryDirectory() as folder:

        def learner(number: int) -> float | None:
            began = time.perf_counter()
            try:
                visitor = Visitor(claim(f"{url}/{KEY}/learner-{number}"))
                api = HfApi(endpoint=visitor.url, token=visitor.create_token("course"))
                list(api.list_models(author="practice", limit=20))
                api.model_info(GATED)
                try:
                    api.auth_check(GATED)
                    return None
                except GatedRepoError:
                    visitor.agree(GATED)
                place = Path(folder, str(number))
                snapshot_download(GATED, endpoint=visitor.url, token=api.token, cache_dir=place)
            except Exception as error:  # counted, whatever it is
                print(f"learner {number}: {error!r}", file=sys.stderr)
                return None
            return time.perf_counter() - began

        with ThreadPoolExecutor(ROOM) as room:
            walks = list(room.map(learner, range(ROOM)))
    times = [seconds for seconds in walks if seconds is not None]
    return times, ROOM - len(times)


if __name__ == "__main__":
    main()
