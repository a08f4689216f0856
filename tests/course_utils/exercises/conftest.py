"""Every test here has a progress file of its own, and the demonstrations to answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_utils.exercises import declared, progress_file
from tests.course_utils.exercises.demonstrations import ALL


@pytest.fixture(autouse=True)
def progress_at(tmp_path, monkeypatch) -> Path:
    """Where this test's progress file will lie."""
    path = tmp_path / "data" / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    monkeypatch.setattr(declared, "registered", lambda: ALL)
    monkeypatch.setattr(progress_file, "_unsaved", {})
    return path
