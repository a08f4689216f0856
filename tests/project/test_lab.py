"""``make lab`` as a learner has it: JupyterLab, one practice Hub, a real browser."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import urllib.request
from collections.abc import Iterator

import nbformat
import pytest

from tests.support.browser import CHROMIUM, QUIET_CHROMIUM, needs_chromium
from tests.support.lab_server import Lab, lab_server
from tests.support.paths import ROOT
from tools.lab import defaults


@pytest.fixture(scope="module")
def taken() -> Iterator[str]:
    """A port at which somebody else listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield str(listening.getsockname()[1])


@pytest.fixture(scope="module")
def lab(tmp_path_factory, taken) -> Iterator[Lab]:
    """JupyterLab from ``tools.lab``, asked for a port that is taken."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(ROOT / "notebooks", home / "notebooks")  # JupyterLab saves what it runs
    with lab_server(home, port=taken) as lab:
        yield lab


def test_a_taken_port_is_passed_over_and_the_address_printed(lab, taken):
    assert f":{taken}/" not in lab.address
    with urllib.request.urlopen(lab.address) as page:
        assert page.status == 200


def test_one_practice_hub_is_there_for_all(lab):
    with urllib.request.urlopen(f"{lab.hub}/api/practice-hub") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("arguments", [[], ["--no-browser"]])
def test_defaults_do_not_repeat_what_was_said(arguments, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    on_linux = sys.platform == "linux"
    assert ([*defaults(arguments), *arguments].count("--no-browser") == 1) or not on_linux


def number_of_code_cells() -> int:
    notebook = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4)
    return sum(cell.cell_type == "code" for cell in notebook.cells)


@pytest.mark.browser
@needs_chromium
def test_run_all_cells_of_the_first_notebook(lab):
    from playwright.sync_api import expect, sync_playwright

    token_address = lab.address.replace("/lab?", "/lab/tree/00_start_here.ipynb?")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET_CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.goto(f"{token_address}&reset")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        run_all = re.compile(r"^Run All( Cells)?\s*$")
        page.get_by_role("menuitem").filter(has_text=run_all).click()
        notebook = page.locator(".jp-Notebook")
        # The address stands in the banner; the saved one had another port.
        expect(notebook.get_by_text(lab.hub)).to_have_count(1, timeout=60_000)
        prompts = notebook.locator(".jp-CodeCell .jp-InputPrompt")
        expect(prompts.filter(has_text="[*]")).to_have_count(0, timeout=60_000)
        counted = prompts.filter(has_text=re.compile(r"\[\d+\]:")).all_inner_texts()
        assert counted == [f"[{n}]:" for n in range(1, number_of_code_cells() + 1)]
        assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
        assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{folder}/00_in_jupyterlab.png")
        browser.close()
