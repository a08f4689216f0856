"""The widgets without a browser: numbers, geometry, words, pictures, bad input, a watched cell."""

from __future__ import annotations

import base64
import dataclasses
import gc
import os
import re
import socket
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import nbformat
import psutil
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook

import course_utils as cu
from course_utils.memory import Range
from course_utils.widgets import markup, stylesheet
from course_utils.widgets.bars import Bar, Part, as_html, as_text
from course_utils.widgets.memory_readings import Reading
from course_utils.widgets.sampler import MOST_POINTS, Sampler
from course_utils.widgets.timeline import Timeline
from tests.support.on_screen import control, panel_of, words_of
from tests.support.paths import ROOT
from tools import notebooks

GIB = 2**30
NASTY = "<img src=x onerror=alert(1)>/&amp;\"'$\\x^{2}$"
LONG = "owner/" + "n" * 294
SEVEN = "Qwen/Qwen2.5-7B-Instruct"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def estimate() -> cu.MemoryEstimate:
    return cu.estimate_memory(SEVEN, "float16", "nf4", context=8192)


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


# --- The bar -------------------------------------------------------------------------------------


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
    assert re.fullmatch(r"\[w{30}\]w{8}\.*", drawn)


def test_predicted_is_hatched_and_measured_is_solid_in_every_form():
    parts = (Part("others", GIB, measured=True), Part("weights", GIB, measured=False))
    bar = Bar("a GPU", 4 * GIB, parts)
    others, weights = styles(as_html(bar), "cu-part")
    assert "cu-measured" in others["tag"] and "cu-predicted" in weights["tag"]
    assert "repeating-linear-gradient" in stylesheet.RULES.split(".cu-predicted {")[1].split("}")[0]
    text = as_text(bar)
    assert "[OOOOOOOOOOOOOOOwwwwwwwwwwwwwww" in text
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


# --- VRAMGauge -----------------------------------------------------------------------------------


def test_a_planned_gauge_is_the_same_every_time(estimate):
    first, second = (cu.VRAMGauge(estimate, "T4") for _ in range(2))
    assert str(first) == str(second)
    assert "measured" not in str(first).rsplit("\n", 1)[0]
    assert first.picture() == second.picture()


def test_it_takes_a_repo_id_as_well(estimate):
    assert cu.VRAMGauge(SEVEN, "L4").bars[0].parts[0].bytes > estimate.weights


def test_measured_weights_are_drawn_solid_and_the_difference_is_told():
    model = torch.nn.Linear(4096, 4096)
    config = dataclasses.replace(
        cu.estimate_memory("practice/tiny-chat"), weights=4096 * 4096 * 4 + 4096 * 4
    )
    gauge = cu.VRAMGauge(config).measure(model)
    weights = next(part for part in gauge.bars[0].parts if part.kind == "weights")
    assert weights.measured and weights.bytes == cu.measure_memory(model).weights
    assert gauge.difference.endswith("equal to the byte")
    gauge.predict(dataclasses.replace(config, weights=config.weights - 1024))
    assert "1.0 KiB more than predicted" in gauge.difference
    assert "1.0 KiB more than predicted" in words_of(panel_of(gauge))
    gauge.predict(None)
    assert gauge.difference == ""


def test_the_gauge_keeps_no_model_alive_and_says_when_it_is_gone(estimate):
    model = torch.nn.Linear(8, 8)
    gauge = cu.VRAMGauge(estimate).measure(model)
    del model
    gc.collect()
    gauge.refresh()
    assert "is gone" in str(gauge)
    assert {part.kind for part in gauge.bars[0].parts if part.measured} == {"others"}


def test_a_planned_gauge_measures_nothing(estimate):
    gauge = cu.VRAMGauge(estimate, "T4")
    with pytest.raises(cu.CourseError, match="plans for T4"):
        gauge.measure(torch.nn.Linear(2, 2))
    with pytest.raises(cu.CourseError, match="plans for T4"), gauge.watch():
        raise AssertionError("not reached")


def test_a_gpu_nobody_knows_is_refused_with_the_known_ones(estimate):
    with pytest.raises(cu.CourseError, match="Known: T4"):
        cu.VRAMGauge(estimate, "T400")


def two_gpus(held: int, most: list[int]) -> types.ModuleType:
    """The part of torch that is asked, as it answers on a machine with two T4."""
    fake = types.ModuleType("torch")
    properties = types.SimpleNamespace(name="Tesla T4", major=7, minor=5)
    fake.cuda = types.SimpleNamespace(
        is_available=lambda: True,
        get_device_properties=lambda index: properties,
        mem_get_info=lambda index: (10 * GIB, 14 * GIB),
        is_bf16_supported=lambda including_emulation: including_emulation,
        device_count=lambda: 2,
        memory_reserved=lambda index: held if index == 0 else 0,
        max_memory_allocated=lambda index: most[0] if index == 0 else 0,
    )
    return fake


def test_several_gpus_give_several_bars(monkeypatch, estimate):
    most = [2 * GIB]
    monkeypatch.setitem(sys.modules, "torch", two_gpus(3 * GIB, most))
    gauge = cu.VRAMGauge(estimate)
    first, second = gauge.bars
    assert [bar.name for bar in gauge.bars] == ["GPU 0, Tesla T4", "GPU 1, Tesla T4"]
    measured = {part.kind: part.bytes for part in first.parts if part.measured}
    assert measured == {"others": GIB, "besides": 3 * GIB}
    assert {part.kind: part.bytes for part in second.parts} == {"others": 4 * GIB}
    with gauge.watch("loading"):
        most[0] = 8 * GIB  # a peak that no sample can have seen
    assert [bar.peak for bar in gauge.bars] == [9 * GIB, 4 * GIB]


def test_weights_on_two_gpus_and_elsewhere(monkeypatch, estimate):
    monkeypatch.setitem(sys.modules, "torch", two_gpus(3 * GIB, [0]))
    by_device = {"cuda:0": 2 * GIB, "cuda:1": GIB, "cpu": 5 * GIB}
    measurement = cu.MemoryMeasurement("a model", 8 * GIB, by_device, 0)
    monkeypatch.setattr("course_utils.widgets.vram_gauge.measure_memory", lambda _: measurement)
    model = torch.nn.Linear(2, 2)
    gauge = cu.VRAMGauge(estimate).measure(model)
    assert [
        next(part.bytes for part in bar.parts if part.kind == "weights") for bar in gauge.bars
    ] == [2 * GIB, GIB]
    assert "5.0 GiB of weights lie on cpu" in str(gauge)


@pytest.mark.parametrize("count", [float("nan"), -1, 0.5, None])
def test_a_size_that_is_none_is_told_and_the_gauge_stays_usable(estimate, count):
    broken = dataclasses.replace(estimate, weights=count)
    gauge = cu.VRAMGauge(estimate, "T4")
    shown = panel_of(gauge)
    gauge.predict(broken)
    assert 'role="alert"' in panel_of(gauge) and "weights is" in panel_of(gauge)
    assert "cannot be drawn" in str(gauge)
    assert gauge.picture().startswith(PNG)
    assert panel_of(gauge.predict(estimate)) == shown


def test_totals_of_nothing(estimate):
    nothing = Range(0, 0, 0, "")
    empty = dataclasses.replace(
        estimate, weights=0, kv_cache=0, activations=nothing, runtime=nothing, total=nothing
    )
    assert "free" in str(cu.VRAMGauge(empty, "T4"))
    broken = dataclasses.replace(estimate, total=Range(0, float("nan"), 0, ""))
    assert "expected is nan" in str(cu.VRAMGauge(broken, "T4"))
    without = dataclasses.replace(cu.GPUS["T4"], memory=0)
    assert "no memory at all" in panel_of(cu.VRAMGauge(estimate, without))


def test_a_driver_that_fails_is_told(monkeypatch, estimate):
    gauge = cu.VRAMGauge(estimate)

    def fail(kind: str):
        raise RuntimeError("CUDA error: out of patience")

    monkeypatch.setattr("course_utils.widgets.vram_gauge.read", fail)
    button = gauge.widget.children[-1]
    button.click()
    assert "out of patience" in panel_of(gauge)
    with gauge.watch("loading"):
        pass
    assert "out of patience" in str(gauge)


# --- A watched cell ------------------------------------------------------------------------------


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
            release.wait(30)
        return reading(10)

    watch = Sampler("loading", read, lambda: None)
    watch.start()
    time.sleep(0.3)
    began = time.monotonic()
    watch.stop()
    release.set()
    assert time.monotonic() - began < 2


def test_paint_that_fails_is_not_the_cells_business():
    def paint():
        raise ValueError("no page left")

    watch = Sampler("loading", lambda: reading(10), paint)
    watch.start()
    time.sleep(0.3)
    watch.stop()
    assert "no page left" in watch.trouble


def test_points_stay_few_and_keep_the_peak():
    used = iter([*range(1, 1000), 99_999, *range(1000, 3000)])
    watch = Sampler("long", lambda: reading(next(used)), lambda: None)
    for _ in range(3000):
        watch._sample()
    line = watch.timeline(0)
    assert len(line.points) <= MOST_POINTS
    assert line.peak == watch.peak(0) == 99_999
    times = [at for at, _ in line.points]
    assert times == sorted(times)


def test_a_timeline_is_drawn_from_its_lowest_to_its_peak():
    line = Timeline("loading", ((0.0, 10), (1.0, 30), (2.0, 20)))
    assert line.placed() == [(0.0, 0.0), (0.5, 1.0), (1.0, 0.5)]
    assert "from 10 B in use to 20 B (10 B more), peak 30 B" in line.words()
    assert Timeline("none", ()).as_html() and "no sample yet" in Timeline("none", ()).words()


# --- FitExplorer ---------------------------------------------------------------------------------


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
    control(explorer, "Way").value = explorer.best.way
    control(explorer, "Batch").value = 3
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


# --- LicenseCheck --------------------------------------------------------------------------------

FOUR = {
    "apache-2.0": "yes",
    "llama3.1": "yes-if",
    "cc-by-nc-4.0": "no",
    "practice/no-license": "cannot-tell",
}


@pytest.mark.parametrize(("model", "verdict"), FOUR.items())
def test_it_shows_what_check_license_says(model, verdict):
    check, report = cu.LicenseCheck(model), cu.check_license(model)
    page = panel_of(check)
    assert report.verdict == verdict
    assert f'data-shape="{markup.SHAPES[verdict][0]}"' in page
    for label, text in report.rows():
        assert " ".join(f"{label} {text}".split()) in words_of(page)
    assert report.title() in words_of(page)
    for _, text in report.rows():
        assert text in str(check)


def test_another_model_another_use():
    check = cu.LicenseCheck()
    assert "press Enter" in panel_of(check)
    control(check, "Model").value = "cc-by-nc-4.0"
    assert check.report.verdict == "no"
    control(check, "Use").value = "research"
    assert check.report == cu.check_license("cc-by-nc-4.0", "research")
    check.check(" mit ", "internal")
    assert [control(check, name).value for name in ("Model", "Use")] == ["mit", "internal"]
    assert check.report == cu.check_license("mit", "internal")
    for wrong in (
        lambda: cu.LicenseCheck("mit", "world domination"),
        lambda: check.check("a", "b"),
    ):
        with pytest.raises(cu.CourseError, match="Known are commercial"):
            wrong()
    assert check.model == "mit"


@pytest.mark.parametrize(
    ("repo_id", "words"),
    [
        ("practice/vanished", "no such repo"),
        ("trouble/server-error", "error of its own"),
        ("trouble/captive-portal", "web page came"),
        ("trouble/too-many-requests", "429"),
        (LONG, "repo id"),
    ],
)
def test_trouble_with_the_hub_is_shown_and_the_next_question_answered(repo_id, words):
    check = cu.LicenseCheck("mit")
    control(check, "Model").value = repo_id
    assert 'role="alert"' in panel_of(check) and words in panel_of(check)
    assert words in str(check)
    assert check.picture().startswith(PNG)
    control(check, "Model").value = "mit"
    assert check.report.verdict == "yes"


def test_a_click_right_after_leaving_the_field_asks_once(monkeypatch):
    check = cu.LicenseCheck()
    asked = []
    monkeypatch.setattr(
        "course_utils.widgets.license_check.check_license",
        lambda model, use: asked.append(model) or cu.check_license(model, use),
    )
    control(check, "Model").value = "mit"
    control(check, "Check").click()
    assert asked == ["mit"]
    check._answered -= 10
    control(check, "Check").click()
    assert asked == ["mit", "mit"]


# --- All of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [NASTY, LONG, "名前/模型", "a\nb"])
def test_names_are_shown_as_they_are(estimate, name):
    shown = [
        cu.VRAMGauge(dataclasses.replace(estimate, model=name), "T4"),
        cu.LicenseCheck(name),
    ]
    for widget in shown:
        page = panel_of(widget)
        assert "<img src=x" not in page
        assert widget.picture().startswith(PNG)
        assert str(widget)
    assert " ".join(name.split()) in words_of(panel_of(shown[0]))


def test_a_notebook_gets_text_picture_and_live_view(estimate):
    for widget in (cu.VRAMGauge(estimate, "T4"), cu.LicenseCheck("mit")):
        bundle = widget._repr_mimebundle_()
        assert bundle["text/plain"] == str(widget) == repr(widget)
        assert base64.b64decode(bundle["image/png"]).startswith(PNG)
        view = bundle["application/vnd.jupyter.widget-view+json"]
        assert view["model_id"] == widget.widget.model_id


SAVED = [
    "import course_utils as cu\n\n_ = cu.start()",
    f'cu.VRAMGauge(cu.estimate_memory("{SEVEN}", quantization="nf4"), gpu="T4")',
    f'explorer = cu.FitExplorer("{SEVEN}", gpu="T4")\nexplorer',
    'check = cu.LicenseCheck("practice/noncommercial-chat", use="internal")\ncheck',
    """gauge = cu.VRAMGauge(cu.estimate_memory("practice/tiny-chat"))
with gauge.watch("loading"):
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(cu.MODELS.chat)
_ = gauge.measure(model)""",
    "print(gauge.difference)",
    f"""import sys
sys.path.append({str(ROOT)!r})
from tests.support.on_screen import control, panel_of, words_of
control(explorer, "Context").value = 65_536
control(explorer, "GPU").value = "L4"
print(words_of(panel_of(explorer)))
control(check, "Model").value = "apache-2.0"
control(check, "Check").click()
print(words_of(panel_of(check)))""",
]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A notebook of all widgets, executed and saved as the course's notebooks are."""
    folder = tmp_path_factory.mktemp("saved")
    cells = [new_code_cell(source) for source in SAVED]
    cells[4].metadata["tags"] = ["nbval-ignore-output"]  # live memory and progress bars
    notebook = new_notebook(cells=cells, metadata={"kernelspec": notebooks.KERNEL})
    notebooks.execute(notebook, folder=folder)
    notebooks.normalize(notebook)
    nbformat.write(notebook, folder / "saved.ipynb")
    return folder / "saved.ipynb"


def test_a_saved_notebook_has_text_and_pictures_and_no_view(saved):
    cells = nbformat.read(saved, as_version=4).cells
    for cell in cells[1:4]:
        (output,) = cell.outputs
        assert set(output.data) == {"text/plain", "image/png"}
    assert "equal to the byte" in cells[5].outputs[0].text
    assert "L4, planned" in cells[6].outputs[0].text


def test_the_ipywidgets_of_colab_shows_the_same_cell_by_cell(saved, tmp_path):
    """The notebook that was saved with ipywidgets 8, compared by nbval with ipywidgets 7.7.1."""
    folder = tmp_path / "seven"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = ["--no-deps", "--target", str(folder), "ipywidgets==7.7.1", "ipython_genutils==0.2.0"]
    got = subprocess.run([*pip, *wanted], capture_output=True, text=True, timeout=120)
    if got.returncode:
        pytest.skip(f"ipywidgets 7.7.1 could not be fetched, so nothing was tested: {got.stderr}")
    cells = nbformat.read(saved, as_version=4)
    cells.cells[0].source += '\nimport ipywidgets\nassert ipywidgets.__version__ == "7.7.1"'
    nbformat.write(cells, tmp_path / "seven.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider"]
    options = ["--rootdir", str(tmp_path), "--nbval-cell-timeout=120", "seven.ipynb"]
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    ran = subprocess.run(
        [*command, *options], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert f"{len(SAVED)} passed" in ran.stdout, ran.stdout
