"""The pictures on real pages: a narrow one, light and dark ones, and JupyterLab's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from course_utils.drawings import DRAWINGS
from course_utils.palette import DARK, LIGHT
from tests.support.browser import CHROMIUM, QUIET_CHROMIUM, needs_chromium
from tests.support.lab_page import lab_page, set_theme

pytestmark = [pytest.mark.browser, needs_chromium]

PICTURES = [draw() for draw in DRAWINGS.values()]
PAGE = "<!doctype html><title>all</title><main>" + "".join(one.svg() for one in PICTURES)
PAPER = "svg => getComputedStyle(svg.querySelector(':scope > rect')).fill"


def rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))})"


@pytest.fixture
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET_CHROMIUM)
        yield browser
        browser.close()


@pytest.mark.parametrize(("scheme", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_the_pictures_follow_the_page_from_light_to_dark(browser, scheme, theme):
    page = browser.new_page(color_scheme=scheme)
    page.set_content(PAGE)
    papers = [svg.evaluate(PAPER) for svg in page.locator("svg").all()]
    assert papers == [rgb(theme["paper"])] * len(PICTURES)
    page.close()


def test_a_page_of_360_pixels_shows_them_whole_and_legible(browser):
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.set_content(PAGE)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for svg, picture in zip(page.locator("svg").all(), PICTURES, strict=True):
        sheet = svg.bounding_box()
        assert sheet["height"] == pytest.approx(sheet["width"] * picture.height / 400, abs=2)
        for text in svg.locator("text").all():
            box = text.bounding_box()
            assert box["x"] >= sheet["x"], text.inner_text()
            assert box["x"] + box["width"] <= sheet["x"] + sheet["width"], text.inner_text()
            assert box["height"] >= 10, text.inner_text()
    page.close()


def test_a_screen_reader_is_told_what_is_drawn(browser):
    page = browser.new_page()
    page.set_content(PAGE)
    for svg, picture in zip(page.locator("svg").all(), PICTURES, strict=True):
        snapshot = svg.aria_snapshot()
        assert "img" in snapshot[:6] and picture.title in snapshot
    page.close()


def test_jupyterlab_shows_the_svg_in_its_own_theme(tmp_path):
    cells = ["import course_utils as cu", 'cu.show_picture("sixteen_bits")', "cu.pictures()"]
    with lab_page(tmp_path, cells) as page:
        svg = page.locator(".jp-OutputArea svg.cu-picture")
        assert svg.count() == 1
        assert page.locator(".jp-OutputArea img").count() == 0
        for name, theme in (("JupyterLab Dark", DARK), ("JupyterLab Light", LIGHT)):
            set_theme(page, name)
            page.wait_for_function(
                f"""() => getComputedStyle(document.querySelector('svg.cu-picture > rect')).fill
                    === {rgb(theme["paper"])!r}"""
            )
        page.set_viewport_size({"width": 620, "height": 1000})
        width = svg.bounding_box()["width"]
        assert 200 < width <= 560
        assert page.get_by_role("cell", name="sixteen_bits").count() == 1
