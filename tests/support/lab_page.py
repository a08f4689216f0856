"""A notebook in a real JupyterLab and a real Chromium, all its cells run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from tests.support.browser import CHROMIUM, QUIET_CHROMIUM
from tests.support.lab_server import lab_server

NAME = "widgets.ipynb"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
ERROR = '[data-mime-type="application/vnd.jupyter.error"]'
ALL_RUN = """error => document.querySelector(error)
    || [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
        .every(prompt => /\\[\\d+\\]/.test(prompt.textContent))"""


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
def lab_page(folder: Path, notebook: Path | list[str], seconds: int = 90) -> Iterator[Any]:
    """A page of Playwright on a copy of a notebook, or on one of these cells, when all have run."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)
    (folder / "notebooks").mkdir()
    nbformat.write(cleared(notebook), folder / "notebooks" / NAME)
    with lab_server(folder) as lab, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET_CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(20_000)
        page.goto(lab.address.replace("/lab?", f"/lab/tree/{NAME}?") + "&reset")
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


def faults(page: Any) -> list[tuple[str, str, list[str]]]:
    """What axe finds within the widgets, trifles left out."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (fault["id"], fault["impact"], [node["html"][:120] for node in fault["nodes"][:3]])
        for fault in Axe().run(page, context=".cu-box").response["violations"]
        if fault["impact"] in ("moderate", "serious", "critical")
    ]
