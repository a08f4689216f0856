"""The bar of a device: its widths are the numbers, in HTML and in text."""

from __future__ import annotations

import re

import pytest

import course_utils as cu
from course_utils.widgets import markup, stylesheet
from course_utils.widgets.bars import Bar, Part, as_html, as_text
from tests.course_utils.widgets.samples import GIB
from tests.support.on_screen import panel_of, words_of


def styles(page: str, name: str) -> list[dict[str, str]]:
    """The inline style and data of every element of a class."""
    found = []
    for tag in re.findall(rf'<div class="{name}[ "][^>]*>', page):
        style = re.search(r'style="([^"]*)"', tag)[1]
        pairs = dict(one.split(":") for one in style.split(";"))
        part = re.search(r'data-part="(\w+)"', tag)
        found.append({**pairs, "tag": tag, "part": part[1] if part else ""})
    return found


def percent(text: str) -> float:
    return float(text.removesuffix("%"))


def test_widths_are_the_numbers(estimate):
    bar = cu.VRAMGauge(estimate, "T4").bars[0]
    memory = cu.GPUS["T4"].memory
    parts = styles(as_html(bar), "cu-part")
    expected = {
        "weights": estimate.weights,
        "cache": estimate.kv_cache,
        "activations": estimate.activations.expected,
        "runtime": estimate.runtime.expected,
    }
    assert {one["part"] for one in parts} == set(expected)
    left = 0.0
    for one in parts:
        assert percent(one["left"]) == pytest.approx(left, abs=0.001)
        assert percent(one["width"]) == pytest.approx(
            100 * expected[one["part"]] / memory, abs=1e-3
        )
        left += percent(one["width"])
    assert sum(expected.values()) == estimate.total.expected
    assert bar.free == memory - estimate.total.expected
    assert [percent(one["width"]) for one in styles(as_html(bar), "cu-device")] == [100]


def test_too_much_sticks_out_of_the_device():
    bar = Bar("small", 4 * GIB, (Part("weights", 5 * GIB, measured=False),), peak=8 * GIB)
    page = as_html(bar)
    assert percent(styles(page, "cu-device")[0]["width"]) == 50
    assert percent(styles(page, "cu-part")[0]["width"]) == 62.5
    assert percent(styles(page, "cu-peak")[0]["left"]) == 100
    assert "too much 1.0 GiB" in words_of(page)
    drawn = as_text(bar).splitlines()[1].strip()
    assert re.fullmatch(r"\[(w/){15}\](w/){4}\.*", drawn)


def test_predicted_is_hatched_and_measured_is_solid_in_every_form():
    parts = (Part("others", GIB, measured=True), Part("weights", GIB, measured=False))
    bar = Bar("a GPU", 4 * GIB, parts)
    others, weights = styles(as_html(bar), "cu-part")
    assert "cu-measured" in others["tag"] and "cu-predicted" in weights["tag"]
    assert "repeating-linear-gradient" in stylesheet.RULES.split(".cu-predicted {")[1].split("}")[0]
    text = as_text(bar)
    assert "[OOOOOOOOOOOOOOOw/w/w/w/w/w/w/w." in text
    assert "  OO  in use otherwise" in text and "  w/  weights" in text
    assert "1.0 GiB, measured" in text and "1.0 GiB, predicted" in text


def test_text_says_what_the_page_says(estimate):
    gauge = cu.VRAMGauge(estimate, "T4")
    page = words_of(panel_of(gauge))
    for line in str(gauge).splitlines()[2:-1]:
        letter_and_name, _, rest = line.strip().partition("  ")
        assert " ".join((rest or letter_and_name).split()) in page


def test_verdicts_differ_in_words_and_shape_and_not_only_in_colour():
    for verdicts in (("yes", "yes-if", "no", "cannot-tell"), ("fits", "tight", "does not fit")):
        drawn = [markup.verdict_line(one, one) for one in verdicts]
        assert len({re.search(r'data-shape="(\w+)"', one)[1] for one in drawn}) == len(verdicts)
        assert len({re.sub(r'fill="#\w+"', "", one) for one in drawn}) == len(verdicts)
        assert all(f"<span>{one}</span>" in line for one, line in zip(verdicts, drawn, strict=True))
