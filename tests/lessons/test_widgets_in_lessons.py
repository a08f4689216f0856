"""Every notebook that has a widget, run in a real JupyterLab: the widget is there and alive."""

from __future__ import annotations

import re

import nbformat
import pytest

from tests.support.browser import needs_chromium
from tests.support.lab_page import faults, lab_page
from tests.support.paths import ROOT

pytestmark = [pytest.mark.browser, needs_chromium]
WIDGET = re.compile(r"\bcu\.(VRAMGauge|FitExplorer|LicenseCheck)\(")
WITH_WIDGETS = [
    path for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if WIDGET.search(path.read_text())
]


@pytest.mark.parametrize("notebook", WITH_WIDGETS, ids=lambda path: path.stem[:2])
def test_a_lessons_widgets_are_alive_in_jupyterlab(tmp_path, notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    shown = sum(bool(WIDGET.search(cell.source)) for cell in cells if cell.cell_type == "code")
    with lab_page(tmp_path, notebook, seconds=300) as page:
        boxes = page.locator(".cu-box")
        assert boxes.count() == shown
        for box in boxes.all():
            box.scroll_into_view_if_needed()
            assert box.locator(".cu-view").is_visible()
            assert box.get_by_role("alert").count() == 0
        assert faults(page) == []
