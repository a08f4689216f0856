"""``make test-newest``: a difference is named by its sentence or cell, and by what moved.

A real pip and a real pytest, on two small packages of which one renames a keyword.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.curriculum import MANIFEST, read
from tests.support.paths import ROOT
from tools import version_check
from tools.differences import cell_words, differences, subject_of
from tools.version_check import Environment, Moved, attributed, moved_libraries, report


def here(root: Path) -> Environment:
    """The environment of these tests, with a checkout of its own."""
    return Environment(Path(sys.prefix), root, workers=0)


RENAMED = Moved("course-test-tool", "1.0", "2.0")
INNOCENT = Moved("course-test-bystander", "1.0", "2.0")
TEST = """
import course_test_tool
def test_the_keyword():
    assert course_test_tool.load(dtype="float16") == "float16"
def test_what_no_library_changes():
    assert 1 == 2
"""


def make_wheel(folder: Path, moved: Moved, source: str) -> None:
    name, module = moved.name.replace("-", "_"), moved.name.replace("-", "_")
    inside = f"{name}-{moved.pinned}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {moved.name}\nVersion: {moved.pinned}\n"
    with zipfile.ZipFile(folder / f"{name}-{moved.pinned}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{module}.py", source)
        wheel.writestr(f"{inside}/METADATA", metadata)
        wheel.writestr(f"{inside}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{inside}/RECORD", "")


@pytest.fixture
def two_libraries(tmp_path, monkeypatch) -> Path:
    """The newest versions can be imported, the pinned ones are wheels that pip finds."""
    newest, wheels = tmp_path / "newest", tmp_path / "wheels"
    newest.mkdir()
    wheels.mkdir()
    (newest / "course_test_tool.py").write_text("def load(precision): return precision")
    (newest / "course_test_bystander.py").write_text("")
    make_wheel(wheels, RENAMED, "def load(dtype): return dtype")
    make_wheel(wheels, INNOCENT, "")
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    for name, value in {**settings, "PYTHONPATH": str(newest)}.items():
        monkeypatch.setenv(name, value)
    names = {RENAMED.name, INNOCENT.name}
    monkeypatch.setattr(version_check, "named_packages", lambda: names)
    return tmp_path


def test_the_library_is_named_whose_pin_mends_it(two_libraries):
    test = two_libraries / "test_the_tool.py"
    test.write_text(TEST)
    environment = here(two_libraries)
    found = environment.run([test.name])
    assert [one.test.split("::")[1] for one in found] == [
        "test_the_keyword",
        "test_what_no_library_changes",
    ]
    assert "unexpected keyword argument 'dtype'" in found[0].told
    causes = attributed(environment, found, [INNOCENT, RENAMED])
    assert causes[found[0]] == str(RENAMED) == "course-test-tool 1.0 → 2.0"
    assert "every library back at its pin" in causes[found[1]]
    text = report("newest", [INNOCENT, RENAMED], causes)
    assert "- library: course-test-tool 1.0 → 2.0" in text
    assert "| course-test-bystander | 1.0 | 2.0 |" in text


def test_what_passes_the_second_time_is_laid_to_no_library(two_libraries):
    test, mark = two_libraries / "test_once.py", two_libraries / "seen"
    test.write_text(f"""
from pathlib import Path
def test_once():
    seen = Path({str(mark)!r})
    first = not seen.exists()
    seen.touch()
    assert not first
""")
    environment = here(two_libraries)
    found = environment.run([test.name])
    assert list(attributed(environment, found, [RENAMED]).values()) == [
        "none: it did not differ the second time"
    ]


def test_a_cell_that_prints_something_else_is_named_with_what_it_printed(tmp_path):
    notebook = new_notebook(
        cells=[
            new_markdown_cell("## Bytes\n\nFour bytes each. How many are these?"),
            new_code_cell("print(5)", execution_count=1, outputs=[stdout("4")]),
            new_code_cell("wrong = 1 / 0", execution_count=2),
            new_code_cell("print(wrong)", execution_count=3, outputs=[stdout("1")]),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python"}},
    )
    (tmp_path / "tests").mkdir()  # where pytest's settings look for what they hide
    shutil.copy(ROOT / "tests" / "sanitize.cfg", tmp_path / "tests")
    path = tmp_path / "small.ipynb"
    nbformat.write(notebook, path)
    found = here(tmp_path).run([path.name])
    assert [one.test.split("::")[1] for one in found] == ["Cell 0", "Cell 1"]  # no consequences
    assert "5" in found[0].told and "4" in found[0].told
    assert "ZeroDivisionError" in found[1].told
    words = cell_words(path, 0)
    assert words.splitlines()[0] == (
        "notebook small, “Bytes”, code cell 1, after “How many are these?”"
    )
    assert words.splitlines()[1] == "    print(5)"
    assert version_check.runs_of(found) == ["small.ipynb"]
    assert found[0].subject == words


def stdout(text: str) -> nbformat.NotebookNode:
    return new_output("stream", name="stdout", text=f"{text}\n")


def test_a_claims_test_names_its_sentence_and_its_notebook():
    lesson, claim = [(one, claim) for one in read(MANIFEST).lessons for claim in one.claims][-1]
    for test in (claim.test, f"{claim.test}[with a parameter]", claim.test.split("::")[0]):
        assert f"notebook {lesson.name}, the sentence “{claim.text}”" in subject_of(test)
    assert subject_of("tests/other.py::test_it") == "the test tests/other.py::test_it"


def test_no_failures_are_no_differences(tmp_path):
    assert differences(tmp_path / "none.jsonl") == []
    told = report("newest", [], {})
    assert "say the same as at the pins" in told


def test_a_file_that_cannot_be_imported_names_every_sentence_that_it_proves(tmp_path):
    claim = read(MANIFEST).lessons[0].claims[0]
    failures = tmp_path / "failures.jsonl"
    file = claim.test.split("::")[0]
    failures.write_text(json.dumps({"test": file, "told": "E   ImportError: no such name"}))
    (found,) = differences(failures)
    proved = [one for lesson in read(MANIFEST).lessons for one in lesson.claims]
    sentences = [one.text for one in proved if one.test.startswith(f"{file}::")]
    assert len(sentences) > 1 and all(text in found.subject for text in sentences)
    assert found.told == "ImportError: no such name"


def test_versions_are_those_of_the_environment(tmp_path):
    assert here(tmp_path).versions()["nbformat"] == nbformat.__version__


def test_moved_is_what_is_off_its_pin_whatever_the_build(tmp_path, monkeypatch):
    pins = tmp_path / "constraints.txt"
    pins.write_text("# pins\naccelerate==1.0\ntorch==2.13.0\nPyYAML==6.0\nzzz==1\n")
    monkeypatch.setattr(version_check, "CONSTRAINTS", pins)
    installed = {"accelerate": "1.1", "torch": "2.13.0+cpu", "pyyaml": "6.1"}
    monkeypatch.setattr(Environment, "versions", lambda _: installed)
    assert [str(one) for one in moved_libraries(here(tmp_path))] == [
        "accelerate 1.0 → 1.1",
        "PyYAML 6.0 → 6.1",
    ]
