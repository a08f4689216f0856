"""FitExplorer: it shows what ways_to_fit says, and asks the Hub once."""

from __future__ import annotations

import socket

import pytest

import course_utils as cu
from tests.course_utils.widgets.samples import SEVEN
from tests.support.on_screen import control, panel_of, words_of


@pytest.fixture(scope="module")
def explorer() -> cu.FitExplorer:
    return cu.FitExplorer(SEVEN, "T4")


@pytest.mark.parametrize(
    ("gpu", "context", "batch"), [("T4", 2048, 1), ("T4", 32_768, 4), ("A100-80GB", 4096, 2)]
)
def test_it_shows_what_ways_to_fit_says(explorer, gpu, context, batch):
    table = cu.ways_to_fit(SEVEN, gpu, context, batch)
    explorer.choose(gpu, context, batch)
    assert [one.way for one in explorer.ways] == [one.way for one in table]
    assert (explorer.best and explorer.best.way) == (table.best and table.best.way)
    for way in table:
        explorer.choose(way=way.way)
        assert (explorer.way.verdict, explorer.way.code) == (way.verdict, way.code)
        assert explorer.bar.used == explorer.way.bytes == pytest.approx(way.bytes, abs=1024)
        page = words_of(panel_of(explorer))
        assert f"{way.way}: {way.verdict}" in page
        assert " ".join(way.code.split()) in page
        assert way.code.splitlines()[-2].strip() in str(explorer)


def test_controls_and_calls_are_the_same(explorer):
    explorer.choose("T4", 2048, 1, "int8")
    control(explorer, "Context").value = 65_536
    assert explorer.context == 65_536 and explorer.way.verdict == "does not fit"
    assert "int8: does not fit" in words_of(panel_of(explorer))
    control(explorer, "GPU").value = "A100-80GB"
    assert explorer.way.way == "int8" and explorer.way.verdict == "fits"
    control(explorer, "Batch").value = 3
    control(explorer, "Way").value = explorer.best.way
    assert (explorer.batch, explorer.way) == (3, explorer.best)
    explorer.choose("T4", 1024, 1)
    shown = {name: control(explorer, name).value for name in ("GPU", "Context", "Batch", "Way")}
    assert shown == {"GPU": "T4", "Context": 1024, "Batch": 1, "Way": explorer.way.way}


def test_this_machine_is_one_of_the_choices(explorer):
    control(explorer, "GPU").value = "this machine"
    assert explorer.bar.memory == cu.current_device().memory
    assert "in use otherwise" in words_of(panel_of(explorer))


def test_a_wrong_value_is_refused_and_changes_nothing(explorer):
    explorer.choose("T4", 2048, 1)
    before = str(explorer)
    for wrong in ({"gpu": "T400"}, {"context": 0}, {"batch": -1}, {"context": "many"}):
        with pytest.raises(cu.CourseError):
            explorer.choose(**wrong)
    assert str(explorer) == before


def test_after_it_was_made_the_hub_is_not_asked(explorer, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("something went over the network")

    for way_out in ("connect", "send", "sendall"):
        monkeypatch.setattr(socket.socket, way_out, refuse)
    for gpu in (*cu.GPUS, "this machine"):
        for context in (1024, 131_072):
            explorer.choose(gpu, context)
            assert explorer.ways and str(explorer)
    with pytest.raises(AssertionError, match="network"):
        cu.FitExplorer(SEVEN, "T4")


def test_a_model_that_is_not_there_is_an_error_and_no_widget():
    with pytest.raises(cu.CourseError, match="no such repo"):
        cu.FitExplorer("practice/no-such-model", "T4")
    with pytest.raises(cu.CannotTell):
        cu.FitExplorer("black-forest-labs/FLUX.1-dev", "T4")


def test_a_mistake_of_its_own_is_shown_and_not_raised(explorer, monkeypatch):
    explorer.choose("T4", 2048, 1)
    box = control(explorer, "Context")

    def fail(*arguments, **options):
        raise KeyError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr("course_utils.widgets.fit_explorer.all_ways", fail)
        box.value = 4096
        assert "a bug" in panel_of(explorer)
    box.value = 8192
    assert "8,192 tokens" in words_of(panel_of(explorer))
