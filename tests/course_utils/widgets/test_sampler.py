"""A cell that is watched: nothing of the watching may disturb it."""

from __future__ import annotations

import re
import threading
import time

import psutil
import pytest
import torch

import course_utils as cu
from course_utils.widgets.bars import as_html
from course_utils.widgets.memory_readings import Reading
from course_utils.widgets.sampler import MOST_POINTS, Sampler
from course_utils.widgets.timeline import Timeline
from tests.course_utils.widgets.samples import GIB
from tests.support.on_screen import panel_of, words_of


def reading(used: int) -> tuple[Reading, ...]:
    return (Reading("a GPU", "cuda:0", 100, 100 - used),)


def this_process(kind: str) -> tuple[Reading, ...]:
    """What this process uses, as if nobody else were on the machine."""
    used = psutil.Process().memory_info().rss
    return (Reading("this process", "cpu", 64 * GIB, 64 * GIB - used),)


def test_watching_draws_a_timeline_and_a_peak(estimate, monkeypatch):
    monkeypatch.setattr("course_utils.widgets.vram_gauge.read", this_process)
    gauge = cu.VRAMGauge(estimate)
    before = threading.active_count()
    with gauge.watch("loading"):
        big = torch.ones(300_000_000, dtype=torch.uint8)
        time.sleep(0.4)
        running = panel_of(gauge)
        del big
    bar = gauge.bars[0]
    assert threading.active_count() == before
    assert "so far" in words_of(running) and "in all" in words_of(panel_of(gauge))
    assert bar.peak == bar.timeline.peak
    assert bar.timeline.peak - bar.timeline.points[0][1] > 200_000_000
    drawn = re.search(r'points="([^"]+)"', as_html(bar))[1].split()
    assert len(drawn) == len(bar.timeline.points) >= 4


def test_a_cell_that_fails_ends_the_watch_and_keeps_its_own_error(estimate):
    gauge = cu.VRAMGauge(estimate)
    with pytest.raises(ZeroDivisionError), gauge.watch():
        1 / 0  # noqa: B018
    assert not gauge.bars[0].timeline.running


def test_one_watch_at_a_time(estimate):
    gauge = cu.VRAMGauge(estimate)
    with gauge.watch("first"), pytest.raises(cu.CourseError, match='watching "first" already'):
        gauge.watch("second").__enter__()


def test_a_driver_that_hangs_does_not_hang_the_cell():
    release = threading.Event()
    calls = []

    def read():
        calls.append(1)
        if len(calls) == 2:
            release.wait()
        return reading(10)

    sampler = Sampler("loading", read, lambda: None)
    sampler.start()
    while len(calls) < 2:
        time.sleep(0.01)
    sampler.stop()
    assert sampler._thread.is_alive()  # the cell went on; the driver hangs yet
    release.set()


def test_paint_that_fails_is_not_the_cells_business():
    def paint():
        raise ValueError("no page left")

    sampler = Sampler("loading", lambda: reading(10), paint)
    sampler.start()
    time.sleep(0.3)
    sampler.stop()
    assert "no page left" in sampler.trouble


def test_points_stay_few_and_keep_the_peak():
    used = iter([*range(1, 1000), 99_999, *range(1000, 3000)])
    sampler = Sampler("long", lambda: reading(next(used)), lambda: None)
    for _ in range(3000):
        sampler._sample()
    line = sampler.timeline(0)
    assert len(line.points) <= MOST_POINTS
    assert line.peak == sampler.peak(0) == 99_999
    times = [at for at, _ in line.points]
    assert times == sorted(times)


def test_a_timeline_is_drawn_from_its_lowest_to_its_peak():
    line = Timeline("loading", ((0.0, 10), (1.0, 30), (2.0, 20)))
    assert line.placed() == [(0.0, 0.0), (0.5, 1.0), (1.0, 0.5)]
    assert "from 10 B in use to 20 B (10 B more), peak 30 B" in line.words()
    assert Timeline("none", ()).as_html() and "no sample yet" in Timeline("none", ()).words()
