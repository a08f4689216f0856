"""Take pictures of the practice Hub's pages, for ``cu.show_picture()``: ``make pages``.

A Hub of its own is started and its pages are opened in Chromium, light and dark, as wide as a small
tablet. What is spoken of is cut out, and marked where ``marks`` say so. The words of each part are
saved beside it; a test opens the pages again and fails where the words are others.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from course_utils.drawings.page import FOLDER
from practice_hub import PracticeHub
from practice_hub.published import FOLDER_VARIABLE
from practice_hub.visitor import Visitor

WIDTH, HEIGHT, SCALE = 560, 1000, 2
AIR = 14  # pixels around what is cut out
COLOURS = 64
MARK = "#c2410c"
GATED = "practice/gated-manual-chat"
MODEL = "Qwen/Qwen2.5-7B-Instruct"
DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")
LONG = 240  # characters of a part whose lines are kept apart

# Words for screen readers alone: the picture has them not.
DROP_HIDDEN = "document.querySelectorAll('.hidden').forEach(element => element.remove())"

# A frame around an element, with the mark's name on a tag at its side.
DRAW_MARK = """([element, name, side, colour]) => {
    const at = element.getBoundingClientRect();
    const frame = document.createElement('div');
    frame.style.cssText = `position:absolute; left:${at.left + scrollX - 5}px;
        top:${at.top + scrollY - 5}px; width:${at.width + 10}px; height:${at.height + 10}px;
        border:3px solid ${colour}; border-radius:4px; box-sizing:border-box; z-index:9`;
    const tag = document.createElement('span');
    tag.textContent = name;
    const place = side === 'right' ? 'left:100%; top:-3px; bottom:-3px' : 'left:-3px; top:100%';
    tag.style.cssText = `position:absolute; ${place}; background:${colour}; color:#fff;
        display:flex; align-items:center; white-space:nowrap; font:600 15px/1.3 sans-serif;
        padding:0 8px`;
    frame.append(tag);
    document.body.append(frame);
}"""


@dataclass(frozen=True)
class Shot:
    """A part of a page. ``parts`` are selectors; what lies between the first and the last is cut
    out. ``before`` is done as the Hub's visitor. ``marks`` are names with a selector and the side
    where the name stands; what is ``moved_down`` makes room for one.
    """

    title: str
    path: str
    parts: tuple[str, ...]
    before: Callable[[Visitor], object] | None = None
    marks: dict[str, tuple[str, str]] = field(default_factory=dict)
    moved_down: str = ""
    click: str = ""


SHOTS = {
    "page_list": Shot(
        "The list of models, with two filters in force",
        "/models?pipeline_tag=text-generation&license=license:apache-2.0",
        (
            *(".list-head", ".filters", ".active", ".sorts"),
            *(f".models > li:nth-child({number})" for number in (1, 2, 3)),
        ),
        marks={"filters": (".active ul", "right")},
    ),
    "page_filters": Shot(
        "The filters of the list",
        "/models?pipeline_tag=text-generation",
        (".filters summary", ".filters ul", ".filters ul:nth-of-type(2)"),
        click=".filters summary",
    ),
    "page_model": Shot(
        "A model's page, and where to look first",
        f"/{MODEL}",
        (".model-head",),
        marks={
            "license": (".model-head .license", "right"),
            "size": (".model-head .figures > div:nth-child(2)", "below"),
            "downloads": (".model-head .figures > div:nth-child(3)", "below"),
            "language": ('.model-head .tags a:text-is("en")', "right"),
        },
        moved_down=".model-head .tags",
    ),
    "page_gate": Shot(
        "A gate, before you agree",
        f"/{GATED}",
        (".model-head .name-row", "section.gate"),
    ),
    "page_gate_pending": Shot(
        "The gate, while the authors decide",
        f"/{GATED}",
        ("section.gate",),
        before=lambda visitor: visitor.agree(GATED, Affiliation="Coffee machines", Country="DE"),
    ),
    "page_gate_open": Shot(
        "The gate, after the authors let you in",
        f"/{GATED}",
        ("section.gate",),
        before=lambda visitor: (visitor.agree(GATED), visitor.review(GATED, "accepted")),
    ),
    "page_tokens": Shot(
        "Where a token is made",
        "/settings/tokens",
        (".narrow h1", ".narrow section.panel"),
    ),
    "page_login": Shot(
        "Where the code of login() is typed in",
        "/oauth/device",
        (".narrow h1", ".narrow section.panel"),
    ),
    "page_requests": Shot(
        "The other side of a gate: the owner's desk",
        f"/{GATED}/settings/requests",
        (".narrow h1", ".narrow section.panel"),
        before=lambda visitor: visitor.agree(GATED, Affiliation="Coffee machines", Country="DE"),
    ),
}


def main() -> None:
    taken: dict[str, bytes] = {}
    with browser() as chromium:
        for name, shot in SHOTS.items():
            for theme in ("light", "dark"):
                with opened(chromium, shot, theme) as page:
                    words = words_of(page, shot)
                    taken[f"{name}.{theme}.png"] = cut_out(page, shot)
            taken[f"{name}.txt"] = f"{shot.title}\n{words}\n".encode()
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.iterdir():
        if file.name not in taken:
            file.unlink()
    for file_name, content in taken.items():
        (FOLDER / file_name).write_bytes(content)
        print(f"{file_name}: {len(content):,} bytes")


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from tests.support.browser import CHROMIUM, QUIET_CHROMIUM

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET_CHROMIUM)
        yield chromium
        chromium.close()


@contextmanager
def opened(chromium: Any, shot: Shot, theme: str = "light") -> Iterator[Any]:
    """The page that a shot is of, on a Hub where nobody was before, and that knows only what it
    knows on every machine."""
    with no_published_models(), PracticeHub() as hub:
        if shot.before:
            shot.before(Visitor(hub.url))
        page = chromium.new_page(
            viewport={"width": WIDTH, "height": HEIGHT},
            device_scale_factor=SCALE,
            color_scheme=theme,
        )
        page.goto(hub.url + shot.path)
        page.evaluate(DROP_HIDDEN)
        if shot.moved_down:
            element = page.locator(shot.moved_down).first
            element.evaluate("element => { element.style.marginTop = '34px' }")
        if shot.click:
            page.locator(shot.click).first.click()
        yield page
        page.close()


@contextmanager
def no_published_models() -> Iterator[None]:
    """Those that were fetched to this machine are not listed: others may not have them."""
    before = os.environ.get(FOLDER_VARIABLE)
    with tempfile.TemporaryDirectory() as empty:
        os.environ[FOLDER_VARIABLE] = empty
        try:
            yield
        finally:
            del os.environ[FOLDER_VARIABLE]
            if before is not None:
                os.environ[FOLDER_VARIABLE] = before


def words_of(page: Any, shot: Shot) -> str:
    """What stands in the part that is cut out, a line for each block; days are left open."""
    lines = []
    if shot.marks:
        marked = {name: page.locator(at).first.inner_text() for name, (at, _) in shot.marks.items()}
        said = (f"{name} ({' '.join(text.split())})" for name, text in marked.items())
        lines.append(f"Marked: {', '.join(said)}")
    for part in shot.parts:
        text = page.locator(part).first.inner_text()
        found = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        whole = " · ".join(found)
        lines += [whole] if len(whole) < LONG else found
    return DATE.sub("(a day)", "\n".join(lines))


def cut_out(page: Any, shot: Shot) -> bytes:
    """A PNG of the part, with its marks."""
    page.evaluate("document.activeElement?.blur()")
    boxes = [page.locator(part).first.bounding_box() for part in shot.parts]
    for name, (selector, side) in shot.marks.items():
        element = page.locator(selector).first.element_handle()
        page.evaluate(DRAW_MARK, [element, name, side, MARK])
    top = min(box["y"] for box in boxes) - AIR
    bottom = max(box["y"] + box["height"] for box in boxes) + AIR
    clip = {"x": 0, "y": top, "width": WIDTH, "height": bottom - top}
    taken = Image.open(io.BytesIO(page.screenshot(clip=clip, full_page=True)))
    content = io.BytesIO()
    taken.convert("RGB").quantize(COLOURS).save(content, "PNG", optimize=True)
    return content.getvalue()


if __name__ == "__main__":
    main()
