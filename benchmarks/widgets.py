"""Figures of the widgets: from slider to screen, what watching costs, what many updates leave."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).parent.parent
MODEL = "Qwen/Qwen2.5-7B-Instruct"
MOVES = 1000
IN_A_PAGE = 30
WATCHED = 10.0
EXPLORER = f"""
import course_utils as cu
_ = cu.start("practice")
explorer = cu.FitExplorer("{MODEL}", gpu="T4")
box = explorer.widget
slider = next(one for one in box.children[1].children if one.description == "Context")
"""
RESIDENT = "import gc, psutil; _ = gc.collect(); print(psutil.Process().memory_info().rss)"
WATCH = f"""
import time, course_utils as cu
gauge = cu.VRAMGauge()
gauge.widget
with gauge.watch("bench"):
    time.sleep(1)  # until it is warm
    before, began = time.process_time(), time.perf_counter()
    time.sleep({WATCHED})
    print((time.process_time() - before) / (time.perf_counter() - began))
"""


def figures() -> Iterator[tuple[str, str]]:
    """What was measured, and how it came out."""
    times, grown = in_a_kernel()
    quick, slow = statistics.median(times), statistics.quantiles(times, n=100)[98]
    yield (
        "slider move to the kernel's answer",
        f"{quick * 1e3:.0f} ms, 99 % within {slow * 1e3:.0f}",
    )
    yield "slider move to repaint in JupyterLab", in_a_page()
    yield f"memory of a kernel after {MOVES} more moves", f"{grown / 2**20:+.1f} MiB"
    yield "share of a core while a gauge watches", f"{share_of_a_core():.1%}"


def in_a_kernel() -> tuple[list[float], int]:
    """Seconds from a slider's message to the page that answers it; bytes that the kernel grew by.

    Speaks as a notebook page does: the slider's new state goes in, and the new HTML comes out.
    """
    manager, client = start_new_kernel(cwd=str(ROOT), stderr=subprocess.DEVNULL)
    try:
        printed(client, EXPLORER)
        slider = printed(client, "print(slider.model_id)").strip()
        move(client, slider, MOVES)  # until it is warm
        before = int(printed(client, RESIDENT))
        times = move(client, slider, MOVES)
        return times, int(printed(client, RESIDENT)) - before
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def printed(client: Any, code: str) -> str:
    """What a cell prints."""
    lines = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            lines.append(message["content"]["text"])

    reply = client.execute_interactive(code, output_hook=note, timeout=120)
    if reply["content"]["status"] != "ok":
        raise RuntimeError(reply["content"]["evalue"])
    return "".join(lines)


def move(client: Any, slider: str, moves: int) -> list[float]:
    times = []
    for number in range(moves):
        tokens = 1024 * (1 + number % 64)
        state = {"method": "update", "state": {"value": tokens}, "buffer_paths": []}
        began = time.perf_counter()
        message = client.session.msg("comm_msg", {"comm_id": slider, "data": state})
        client.shell_channel.send(message)
        while f"{tokens:,} tokens" not in new_page(client):
            pass
        times.append(time.perf_counter() - began)
    return times


def new_page(client: Any) -> str:
    message = client.get_iopub_msg(timeout=30)
    data = message["content"].get("data", {})
    return str(data.get("state", {}).get("value", "")) if isinstance(data, dict) else ""


def in_a_page() -> str:
    from tests.support.browser import CHROMIUM
    from tests.support.lab_page import lab_page

    if not CHROMIUM:
        return "not measured: no Chromium on this machine"
    with (
        tempfile.TemporaryDirectory() as folder,
        lab_page(Path(folder), [EXPLORER, "explorer"]) as page,
    ):
        box = page.locator(".cu-box")
        times = sorted(seconds_to_repaint(box) for _ in range(IN_A_PAGE))
    return (
        f"{statistics.median(times) * 1e3:.0f} ms in the median, {times[-1] * 1e3:.0f} the slowest"
    )


def share_of_a_core() -> float:
    command = [sys.executable, "-c", WATCH]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return float(done.stdout)


def seconds_to_repaint(box: Any) -> float:
    """From a key on a widget's slider to the frame that shows its new panel; the page's clock."""
    slider = box.get_by_role("slider")
    slider.focus()
    return box.evaluate(
        """async (box) => {
            const panel = box.querySelector('.cu-view').parentElement;
            const handle = box.querySelector('[role=slider]');
            const repainted = new Promise(resolve => {
                const observer = new MutationObserver(() => requestAnimationFrame(() => {
                    observer.disconnect(); resolve(performance.now());
                }));
                observer.observe(panel, {childList: true});
            });
            const began = performance.now();
            const key = handle.getAttribute('aria-valuenow') > 100000 ? 'Home' : 'ArrowRight';
            handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
            return (await repainted - began) / 1000;
        }"""
    )
