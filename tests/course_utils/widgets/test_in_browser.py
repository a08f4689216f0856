"""The widgets on a real page: moved by keyboard and mouse, measured in pixels, read out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

import course_utils as cu
from tests.support.browser import needs_chromium
from tests.support.lab_page import choose, faults, lab_page, set_theme

pytestmark = [pytest.mark.browser, needs_chromium]

MODEL = "Qwen/Qwen2.5-7B-Instruct"
CELLS = [
    """
import os
from practice_hub import PracticeHub
hub = PracticeHub().start()
os.environ["PRACTICE_HUB_URL"] = hub.url
import course_utils as cu
_ = cu.start("practice")
""",
    f'explorer = cu.FitExplorer("{MODEL}", "T4")\nexplorer',
    'cu.LicenseCheck("practice/noncommercial-chat")',
    """
import dataclasses
estimate = cu.estimate_memory("practice/tiny-chat", context=512)
cu.VRAMGauge(dataclasses.replace(estimate, model="<b>bold</b>" * 27), gpu=2**30)
""",
    """
import time, torch
gauge = cu.VRAMGauge(estimate)
with gauge.watch("loading"):
    big = torch.ones(200_000_000, dtype=torch.uint8)
    time.sleep(1.2)
""",
    "hub.stop()  # whatever is shown now has to do without it",
]
EXPLORER, LICENSE, NAMED, LIVE = range(4)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator[Any]:
    with lab_page(tmp_path_factory.mktemp("lab"), CELLS) as page:
        yield page


@pytest.fixture
def boxes(page) -> list[Any]:
    found = page.locator(".cu-box")
    assert found.count() == 4
    return [found.nth(place) for place in range(4)]


def bar_in_pixels(box: Any) -> tuple[float, dict[str, float]]:
    """Width of the device, and of each part."""
    device = box.locator(".cu-device").bounding_box()["width"]
    parts = box.locator(".cu-part").all()
    return device, {part.get_attribute("data-part"): part.bounding_box()["width"] for part in parts}


def assert_drawn_to_scale(box: Any, gpu: str, context: int, quantization: str) -> None:
    from playwright.sync_api import expect

    expect(box.get_by_text(f"{context:,} tokens")).to_be_visible()
    estimate = cu.estimate_memory(MODEL, "float16", quantization, context, gpu=gpu)
    memory = cu.GPUS[gpu].memory
    device, parts = bar_in_pixels(box)
    sizes = {
        "weights": estimate.weights,
        "cache": estimate.kv_cache,
        "attention": estimate.attention.expected,
        "activations": estimate.activations.expected,
        "runtime": estimate.runtime.expected,
    }
    assert set(parts) == set(sizes)
    for part, size in sizes.items():
        assert parts[part] == pytest.approx(device * size / memory, abs=2.0), part


def test_the_slider_follows_keyboard_and_mouse_and_the_bar_the_slider(boxes):
    from playwright.sync_api import expect

    box = boxes[EXPLORER]
    slider = box.get_by_role("slider", name="Context")
    assert_drawn_to_scale(box, "T4", 2048, "int8")
    slider.focus()
    for _ in range(2):
        slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "4096.0")
    assert_drawn_to_scale(box, "T4", 4096, "int8")
    expect(box.get_by_role("status")).to_contain_text("int8: fits")
    track = box.locator(".noUi-base").bounding_box()
    box.page.mouse.click(track["x"] + track["width"] * 0.75, track["y"] + track["height"] / 2)
    expect(box.get_by_role("status")).to_contain_text("int8: does not fit")
    context = round(float(slider.get_attribute("aria-valuenow")))
    assert 90_000 < context < 105_000
    assert box.get_by_text("too much").is_visible()
    assert_drawn_to_scale(box, "T4", context, "int8")
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "1024.0")
    assert_drawn_to_scale(box, "T4", 1024, "int8")


def test_gpu_and_way_are_chosen_by_keyboard_and_code_follows(boxes):
    from playwright.sync_api import expect

    box = boxes[EXPLORER]
    gpu, way = box.get_by_label("GPU"), box.get_by_label("Way", exact=True)
    gpu.focus()
    box.page.keyboard.type("L40")
    expect(box.get_by_role("status")).to_contain_text("int8: fits")
    expect(way.locator("option").first).to_have_text("bfloat16 as stored: fits")
    way.focus()
    box.page.keyboard.type("bf")
    code = box.get_by_role("region", name="Code")
    expect(code).to_contain_text("dtype=torch.bfloat16")
    box.page.keyboard.press("Tab")
    gpu.select_option("T4")
    way.select_option(label="nf4: fits")
    expect(code).to_contain_text('bnb_4bit_quant_type="nf4"')
    expect(code).to_contain_text("bnb_4bit_compute_dtype=torch.float16")
    box.get_by_label("Batch").fill("4")
    box.get_by_label("Batch").press("Enter")
    expect(box.get_by_text("1,024 tokens × 4")).to_be_visible()


def test_tab_reaches_every_control(boxes):
    box = boxes[EXPLORER]
    box.get_by_label("GPU").focus()
    reached = []
    for _ in range(5):
        box.page.keyboard.press("Tab")
        reached.append(
            box.page.evaluate(
                "() => document.activeElement.ariaLabel ?? document.activeElement.labels?.[0]"
                ".textContent"
            )
        )
    assert reached == ["Way", "Context", "Context, as a number", "Batch", CODE_LABEL]


CODE_LABEL = "Code that loads the model this way"


def test_one_key_repaints_once(boxes):
    """`make bench` measures how long it takes; here nothing is drawn twice, or again and again."""
    box = boxes[EXPLORER]
    slider = box.get_by_role("slider")
    slider.focus()
    repaints = box.evaluate(
        """async (box) => {
            const handle = box.querySelector('[role=slider]');
            let repaints = 0;
            new MutationObserver(changes => changes.forEach(change => change.addedNodes.forEach(
                node => { repaints += node.classList?.contains('cu-view') ? 1 : 0; }
            ))).observe(box, {childList: true, subtree: true});
            const key = handle.getAttribute('aria-valuenow') > 100000 ? 'Home' : 'ArrowRight';
            handle.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
            for (let tries = 0; tries < 200 && !repaints; tries++)
                await new Promise(resolve => setTimeout(resolve, 50));
            await new Promise(resolve => setTimeout(resolve, 1000));
            return repaints;
        }"""
    )
    assert repaints == 1


def test_a_license_is_asked_for_by_keyboard_and_trouble_passes(boxes):
    from playwright.sync_api import expect

    box = boxes[LICENSE]
    verdict, model = box.get_by_role("status"), box.get_by_label("Model")
    expect(verdict).to_contain_text(": no")
    assert box.locator('svg[data-shape="octagon"]').count() == 1
    for asked, words, shape in (
        ("mit", ": yes", "circle"),
        ("llama3.1", ": yes, if", "triangle"),
        ("openrail", ": cannot tell", "diamond"),
    ):
        model.fill(asked)
        model.press("Enter")
        expect(verdict).to_contain_text(words)
        assert box.locator(f'svg[data-shape="{shape}"]').count() == 1
    model.fill("practice/tiny-chat")
    model.press("Enter")
    expect(box.get_by_role("alert")).to_contain_text("Hub cannot be reached", timeout=20_000)
    model.fill("cc-by-nc-4.0")
    model.press("Enter")
    expect(verdict).to_contain_text(": no")
    box.get_by_label("Use").select_option("research")
    expect(verdict).to_contain_text(": yes, if")


def test_a_model_called_by_html_is_shown_as_text(boxes):
    box = boxes[NAMED]
    assert box.get_by_text("<b>bold</b><b>bold</b>").count() >= 1
    assert box.locator("b", has_text="bold").count() == 0
    view = box.locator(".cu-view").bounding_box()
    assert view["width"] <= box.bounding_box()["width"]


def test_the_live_gauge_has_drawn_and_refreshes(boxes):
    from playwright.sync_api import expect

    box = boxes[LIVE]
    line = box.locator("svg[role=img]")
    expect(line).to_have_attribute("aria-label", re.compile("loading:"))
    assert len(line.locator("polyline").get_attribute("points").split()) >= 8
    assert box.locator(".cu-peak").count() == 1
    device, parts = bar_in_pixels(box)
    assert 0 < parts["others"] < device
    before = box.locator(".cu-view").inner_html()
    button = box.get_by_role("button", name="Refresh")
    button.focus()
    button.press("Enter")
    expect(box.locator(".cu-others.cu-part")).to_have_count(1)
    box.page.wait_for_function(
        "before => document.querySelectorAll('.cu-box')[3].querySelector('.cu-view').innerHTML "
        "!== before",
        arg=before,
    )


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_axe_finds_nothing_in_either_theme(page, boxes, theme):
    set_theme(page, theme)
    if folder := os.environ.get("SCREENSHOTS"):
        name = theme.split()[-1].lower()
        for place, widget in ((EXPLORER, "explorer"), (LICENSE, "license"), (LIVE, "gauge")):
            boxes[place].screenshot(path=f"{folder}/{widget}_{name}.png")
    assert faults(page) == []


@pytest.mark.parametrize("width", [360, 3840])
def test_from_a_phone_to_a_projector_nothing_is_cut_off(page, boxes, width):
    page.set_viewport_size({"width": width, "height": 1600})
    page.wait_for_function("width => document.body.clientWidth === width", arg=width)
    try:
        for box in boxes:
            view = box.locator(".cu-view")
            view.scroll_into_view_if_needed()
            room = box.bounding_box()["width"]
            assert 200 < room <= width
            assert view.evaluate("view => view.scrollWidth <= view.clientWidth")
            for one in view.locator("p, ul, pre, .cu-track, .cu-part").all():
                assert one.bounding_box()["width"] <= room
    finally:
        page.set_viewport_size({"width": 1280, "height": 1600})


def test_a_saved_notebook_opens_with_pictures_and_not_with_errors(page, boxes):
    """Saved by a learner, opened when its kernel is gone. The page is of no use afterwards."""
    from playwright.sync_api import expect

    pictures = page.locator(".jp-OutputArea-output img[src^='data:image/png']")
    assert pictures.count() == 4 and not any(one.is_visible() for one in pictures.all())
    page.keyboard.press("Control+s")
    page.locator(".jp-mod-dirty").wait_for(state="detached")
    choose(page, "Kernel", "Shut Down Kernel")
    page.get_by_text("Python 3 (ipykernel) | Unknown").or_(
        page.get_by_text("No Kernel")
    ).first.wait_for()
    page.reload()
    expect(pictures).to_have_count(4, timeout=30_000)
    expect(page.get_by_text("Error displaying widget").first).to_be_hidden()
    for one in pictures.all():
        expect(one).to_be_visible()
