"""A notebook in a real JupyterLab and a real Chromium, all its cells run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.support.browser import CHROMIUM, QUIET_CHROMIUM
from tests.support.paths import ROOT

NAME = "widgets.ipynb"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
ERROR = '[data-mime-type="application/vnd.jupyter.error"]'
ALL_RUN = """error => document.querySelector(error)
    || [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
        .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))"""

START = """
import sys
import time
from pathlib import Path
from tools.lab import main
raise SystemExit(main(sys.argv[1:-1], Path(sys.argv[-1])))
"""


def cleared(notebook: Path | list[str]) -> nbformat.NotebookNode:
    """A notebook without its outputs, or a new one of these code cells."""
    if isinstance(notebook, list):
        cells = [new_code_cell(source) for source in notebook]
        return new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    found = nbformat.read(notebook, as_version=4)
    for cell in found.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return found


@contextmanager
def lab_server(folder: Path) -> Iterator[str]:
    """JupyterLab on ``folder/notebooks``, with a home of its own; gives the address and token."""
    log = folder / "lab.log"
    environment = {
        **os.environ,
        "HOME": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(quiet(all_cells_in_the_page(folder / "settings"))),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment.pop("COURSE_HUB", None)
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", START, "--no-browser", "--port", "0", str(folder / "notebooks")],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield addresses(log, process)[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def all_cells_in_the_page(folder: Path) -> Path:
    """Settings by which JupyterLab keeps cells that are scrolled away, for the test to read."""
    settings = folder / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')
    return folder


def addresses(log: Path, process: subprocess.Popen[bytes]) -> tuple[str, str]:
    for _ in range(600):
        text = log.read_text()
        server = re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/lab\?token=\w+", text)
        hub = re.search(r"Practice Hub: (\S+)", text)
        if server and hub:
            return server[0], hub[1]
        assert process.poll() is None, text
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def quiet(settings: Path) -> Path:
    """Settings by which JupyterLab asks for no newsletter in front of what is looked at."""
    file = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    file.parent.mkdir(parents=True)
    file.write_text('{"fetchNews": "false"}')
    return settings


@contextmanager
def lab_page(folder: Path, notebook: Path | list[str], seconds: int = 90) -> Iterator[Any]:
    """A page of Playwright on a copy of a notebook, or on one of these cells, when all have run."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)
    (folder / "notebooks").mkdir()
    nbformat.write(cleared(notebook), folder / "notebooks" / NAME)
    with lab_server(folder) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET_CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(20_000)
        page.goto(address.replace("/lab?", f"/lab/tree/{NAME}?") + "&reset")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        page.keyboard.press("Control+b")  # the file browser away
        choose(page, "Run", r"Run All( Cells)?")
        page.wait_for_function(ALL_RUN, arg=ERROR, timeout=1000 * seconds)
        assert page.locator(ERROR).all_inner_texts() == []
        yield page
        browser.close()


def choose(page: Any, menu: str, *items: str) -> None:
    """Click through a menu of JupyterLab."""
    page.get_by_role("menuitem", name=menu, exact=True).click()
    for item in items:
        page.locator(".lm-Menu-item").filter(has_text=re.compile(rf"^{item}\s*$")).click()


def set_theme(page: Any, name: str) -> None:
    choose(page, "Settings", "Theme", name)
    light = "false" if "Dark" in name else "true"
    page.locator(f'body[data-jp-theme-light="{light}"]').wait_for(state="attached")


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


def faults(page: Any) -> list[tuple[str, str, list[str]]]:
    """What axe finds within the widgets, trifles left out."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (fault["id"], fault["impact"], [node["html"][:120] for node in fault["nodes"][:3]])
        for fault in Axe().run(page, context=".cu-box").response["violations"]
        if fault["impact"] in ("moderate", "serious", "critical")
    ]
