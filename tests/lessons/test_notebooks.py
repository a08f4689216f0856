"""Saved notebooks are what the lessons say, and clean. That they run is nbval's business."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement

from course_utils.curriculum import MANIFEST, Lesson, read
from tests.support.paths import ROOT
from tools import notebooks
from tools.notebooks import compose, install_cell, path_of, source_of

COURSE = read(MANIFEST)
EXEMPT = {"nbval-ignore-output", "nbval-skip"}

every_lesson = pytest.mark.parametrize(
    "lesson", COURSE.lessons, ids=[lesson.number for lesson in COURSE.lessons]
)


def saved(lesson: Lesson) -> nbformat.NotebookNode:
    return nbformat.read(path_of(lesson), as_version=4)


def code_cells(lesson: Lesson) -> list[nbformat.NotebookNode]:
    return [cell for cell in saved(lesson).cells if cell.cell_type == "code"]


@every_lesson
def test_notebook_says_what_its_lesson_says(lesson):
    assert source_of(saved(lesson)) == source_of(compose(lesson, COURSE)), (
        f"Run: make notebooks NOTEBOOKS={lesson.number}"
    )


def test_every_lesson_is_in_the_manifest_and_nothing_else_is():
    names = {lesson.name for lesson in COURSE.lessons}
    assert {path.stem for path in notebooks.LESSONS.glob("*.md")} == names
    assert {path.stem for path in notebooks.NOTEBOOKS.glob("*.ipynb")} == names


@every_lesson
def test_saved_form_is_normal(lesson):
    notebook = saved(lesson)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code_cells(lesson)]
    assert counts == list(range(1, len(counts) + 1))
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebooks.WIDGET_VIEW not in json.dumps(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@every_lesson
def test_size_stays_within_the_ceilings(lesson):
    assert len(saved(lesson).cells) <= 45
    for cell in code_cells(lesson):
        assert len(cell.source.splitlines()) <= 15, cell.source
    headings = [
        line
        for cell in saved(lesson).cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("# ")
    ]
    assert len(headings) == 1


@every_lesson
def test_few_cells_are_exempt_from_comparison(lesson):
    own = code_cells(lesson)[2:]  # after install and start, the same everywhere
    exempt = [cell for cell in own if EXEMPT & set(cell.metadata.get("tags", []))]
    assert len(exempt) < 0.15 * len(own)
    assert not any("nbval-skip" in cell.metadata.get("tags", []) for cell in own)


@every_lesson
def test_no_cell_knows_that_it_is_tested(lesson):
    words = ("nbval", "pytest", "COURSE_HUB", "CI")
    for cell in code_cells(lesson):
        assert not any(word in cell.source for word in words), cell.source


@every_lesson
def test_no_path_or_token_is_saved(lesson):
    text = path_of(lesson).read_text()
    assert str(ROOT) not in text
    assert f"{Path.home()}/" not in text
    assert "hf_practice_" not in text


def test_install_cell_is_the_same_everywhere():
    assert {saved(lesson).cells[1].source for lesson in COURSE.lessons} == {install_cell(COURSE)}


def test_install_cell_pins_nothing_and_leaves_torch_alone():
    published = dataclasses.replace(COURSE, repository="someone/course", ref="v1")
    cell = install_cell(published)
    named = Requirement(cell.split('"')[3])
    assert named.name == "hub-and-heavyweights" and named.extras == {"models"}
    assert named.url == "git+https://github.com/someone/course@v1"
    assert "==" not in cell.replace('"google.colab" in', "")
    assert "torch" not in cell


def test_without_an_address_nothing_is_fetched_and_nothing_said_of_one(run_python):
    course = dataclasses.replace(COURSE, repository=notebooks.PLACEHOLDER)
    cell, title = install_cell(course), notebooks.title_block(course.lessons[0], course)
    assert len(cell.splitlines()) == 3
    assert "pip" not in cell
    assert "address" not in cell + title and notebooks.PLACEHOLDER not in cell + title
    code = f"from tools.colab_stand_in import install; install(); exec({cell!r})"
    assert "badge of a published copy" in run_python(code, check=False).stderr
    assert run_python(f"exec({cell!r})").stdout == ""


def test_badges_are_rewritten_everywhere(tmp_path, monkeypatch):
    manifest = tmp_path / "curriculum.toml"
    manifest.write_text(MANIFEST.read_text())
    copies = tmp_path / "notebooks"
    copies.mkdir()
    for lesson in COURSE.lessons:
        (copies / f"{lesson.name}.ipynb").write_text(path_of(lesson).read_text())
    monkeypatch.setattr(notebooks, "MANIFEST", manifest)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", copies)
    notebooks.set_badges("https://github.com/someone/course.git", "v1")
    course = read(manifest)
    for lesson in course.lessons:
        now = nbformat.read(copies / f"{lesson.name}.ipynb", as_version=4)
        assert f"github/someone/course/blob/v1/notebooks/{lesson.name}.ipynb" in now.cells[0].source
        assert "git+https://github.com/someone/course@v1" in now.cells[1].source
        assert [cell.get("outputs") for cell in now.cells] == [
            cell.get("outputs") for cell in saved(lesson).cells
        ]


BAD_ADDRESSES = [
    "",
    "just-a-name",
    "a/b/c",
    "a b/c",
    "../..",
    'https://h/a"b',
    "https://h/a b;echo",
]


@pytest.mark.parametrize("repository", BAD_ADDRESSES)
def test_bad_addresses_are_refused(repository):
    with pytest.raises(SystemExit, match="REPOSITORY=owner/name"):
        notebooks.set_badges(repository, "v1")


def test_every_claim_names_a_test_that_exists():
    claims = [claim for lesson in COURSE.lessons for claim in lesson.claims]
    assert claims
    files = sorted({claim.test.split("::")[0] for claim in claims})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:nbval", *files]
    options = ["-o", "addopts=", "-o", "markers=browser"]
    listed = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True).stdout
    for claim in claims:
        assert claim.test in listed, claim.text
