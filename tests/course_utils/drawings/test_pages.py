"""The pictures of the practice Hub's pages: their words are those of the pages today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image, ImageStat

import course_utils as cu
from course_utils.drawings.page import FOLDER, Page, pages
from tests.support.browser import needs_chromium
from tools.page_pictures import SHOTS, WIDTH, browser, opened, words_of


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.mark.browser
@needs_chromium
@pytest.mark.parametrize("name", SHOTS)
def test_a_picture_says_what_its_page_says(name, chromium):
    shot, shown = SHOTS[name], cu.show_picture(name)
    with opened(chromium, shot) as page:
        words = words_of(page, shot)
    assert (shown.title, shown.words) == (shot.title, words), "a page has changed: make pages"


def test_there_is_a_picture_of_every_page_and_of_no_other():
    files = {f"{name}.{end}" for name in SHOTS for end in ("light.png", "dark.png", "txt")}
    assert {file.name for file in FOLDER.iterdir()} == files
    assert set(pages()) == set(SHOTS)
    assert set(SHOTS) <= set(cu.pictures().titles)


@pytest.mark.parametrize("page", pages().values(), ids=lambda one: one.name)
def test_a_page_comes_in_light_and_dark(page: Page):
    brightness = []
    for theme in ("light", "dark"):
        image = Image.open(FOLDER / f"{page.name}.{theme}.png")
        assert image.width == 2 * WIDTH
        brightness.append(ImageStat.Stat(image.convert("L")).mean[0])
    light, dark = brightness
    assert light > 180 and dark < 75
    shown = page.html()
    assert re.findall(r'<img class="(\w+)" alt=', shown) == ["light", "dark"]
    assert "http" not in re.sub(r"base64,[^\"]+", "", shown)


def test_no_token_and_no_address_is_in_a_picture():
    for page in pages().values():
        assert not re.search(r"hf_\w{8}|127\.0\.0\.1|localhost", str(page))
