"""The labels of a bar: each in its part or on a line to it, none over another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from course_utils.widgets.bars import NAMES, Bar, Part, as_html
from course_utils.widgets.labels import CHARACTER, NARROW, WIDE, labels
from tests.course_utils.widgets.samples import GIB

SIZES = st.dictionaries(st.sampled_from(list(NAMES)), st.integers(0, 20 * GIB), min_size=1)


def bar_of(sizes: dict[str, int]) -> Bar:
    parts = tuple(Part(key, sizes[key], measured=False) for key in NAMES if key in sizes)
    return Bar("a GPU", 16 * GIB, parts)


@given(SIZES, st.sampled_from([NARROW, WIDE]))
def test_no_label_is_over_another_nor_beyond_an_end(sizes, width):
    bar = bar_of(sizes)
    shown = list(labels(bar.placed(), width))
    assert len(shown) == sum(part.bytes > 0 for part in bar.parts)
    for row in (True, False):
        spans = [
            (one.at * width - len(one.text) * CHARACTER / 2, one.at * width)
            for one in shown
            if one.is_inside == row
        ]
        end = 0.0
        for begin, middle in spans:
            assert begin >= end - 1e-6
            end = 2 * middle - begin
        assert end <= width + 1e-6


@given(SIZES)
def test_a_label_inside_has_room_there_and_one_below_points_at_its_part(sizes):
    bar = bar_of(sizes)
    for label in labels(bar.placed()):
        (part,) = [
            (begin, width)
            for part, begin, width in bar.placed()
            if part.bytes
            and begin <= label.part_at <= begin + width
            and label.text in (part.short, part.letter)
        ]
        if label.is_inside:
            assert label.at == label.part_at
            assert len(label.text) * CHARACTER <= part[1] * WIDE


def test_a_page_has_the_names_for_wide_and_for_narrow():
    page = as_html(bar_of({"weights": 5 * GIB, "cache": GIB // 4, "activations": GIB // 4}))
    for kind in ("cu-wide", "cu-narrow"):
        row = page.split(f'<div class="{kind} cu-two-rows">')[1].split("</div>")[0]
        assert row.count("<line ") == 2
        assert 'cu-inside" ' in row and row.count("cu-below") == 2
        assert all(name in row for name in (">weights<", ">KV cache<", ">activations<"))
