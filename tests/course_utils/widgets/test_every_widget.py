"""All widgets: names shown as they are, notebooks saved and compared cell by cell."""

from __future__ import annotations

import base64
import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import course_utils as cu
from tests.course_utils.widgets.samples import LONG, NASTY, PNG, SEVEN
from tests.support.on_screen import panel_of, words_of
from tests.support.paths import ROOT
from tools import notebooks


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
    """from tests.support.on_screen import control, panel_of, words_of
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # a kernel finds tests.support
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
