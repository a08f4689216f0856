"""Reports on a real page: nothing is cut off where it is 800 pixels wide, or a phone's 360."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import course_utils as cu
from course_utils.report import Report
from tests.support.browser import CHROMIUM, QUIET_CHROMIUM, needs_chromium

pytestmark = [pytest.mark.browser, needs_chromium]

SEVEN = "Qwen/Qwen2.5-7B-Instruct"
REPORTS: dict[str, Callable[[], Report]] = {
    "models": lambda: cu.find_models(task="text-generation", fits="T4", limit=8),
    "in German": lambda: cu.find_models(language="de", limit=6),
    "card": lambda: cu.read_card("sentence-transformers/all-MiniLM-L6-v2"),
    "access": lambda: cu.check_access("practice/gated-chat"),
    "license": lambda: cu.check_license("practice/relabeled-chat"),
    "estimate": lambda: cu.estimate_memory(SEVEN, quantization="nf4-double", gpu="T4"),
    "ways": lambda: cu.ways_to_fit(SEVEN, "T4", context=4096),
    "no way": lambda: cu.ways_to_fit("Qwen/Qwen2.5-72B-Instruct", "T4"),
}
# What JupyterLab says of tables.
NOTEBOOK = """
body { margin: 0; font: 14px/1.5 sans-serif } table { border-collapse: collapse; font-size: 12px }
td, th { padding: .5em; vertical-align: middle; white-space: normal; max-width: none }
tr { text-align: right }
"""
INKS = """page => [...page.querySelectorAll('td, th, b, p, li')]
    .filter(one => one.style.color || one.style.backgroundColor.match(/^rgb\\(/)).length"""


@pytest.fixture(scope="module")
def pages(hub) -> dict[str, str]:
    return {name: make()._repr_html_() for name, make in REPORTS.items()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET_CHROMIUM)
        yield browser
        browser.close()


@pytest.mark.parametrize("name", REPORTS)
def test_800_pixels_hold_it(browser, pages, name):
    page = browser.new_page(viewport={"width": 800, "height": 900})
    page.set_content(f"<style>{NOTEBOOK}</style>{pages[name]}")
    for one in page.locator("table, p").all():
        box = one.bounding_box()
        assert box["x"] + box["width"] <= 800, one.inner_text()
    page.close()


@pytest.mark.parametrize("name", REPORTS)
def test_a_phone_scrolls_a_table_and_not_the_page(browser, pages, name):
    page = browser.new_page(viewport={"width": 360, "height": 900})
    page.set_content(f"<style>{NOTEBOOK}</style>{pages[name]}")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for region in page.get_by_role("region").all():
        region.focus()
        assert region.evaluate("region => region === document.activeElement")
    page.close()


@pytest.mark.parametrize("name", REPORTS)
def test_its_words_take_the_page_s_own_colours(browser, pages, name):
    """So they are legible on a light page as on a dark one."""
    page = browser.new_page()
    page.set_content(pages[name])
    assert page.locator("body").evaluate(INKS) == 0
    page.close()
