"""Every failure here is raised by the real library, now, and explained from its exception."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub.constants
import pytest

from course_utils.explain import explain_error
from practice_hub.visitor import Visitor
from tests.course_utils.explain.staged import FAILURES, Failure, Pasted, Stage


@pytest.fixture
def stage(visitor: Visitor, tmp_path, monkeypatch, run_python) -> Stage:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    Path(huggingface_hub.constants.HF_TOKEN_PATH).unlink(missing_ok=True)
    return Stage(visitor, tmp_path, monkeypatch, run_python)


@pytest.mark.parametrize(
    ("name", "failure"), FAILURES, ids=[failure.__name__ for _, failure in FAILURES]
)
def test_a_failure_is_explained(name: str, failure: Failure, stage: Stage):
    with pytest.raises(BaseException) as raised:
        failure(stage)
    error = raised.value
    explained = explain_error(str(error) if isinstance(error, Pasted) else error)
    assert explained.name == name, f"{explained}\n\n{type(error)}: {error}"
    assert explained.evidence and explained.steps
    if isinstance(error, Pasted):
        assert any(line.removeprefix("…")[:30] in str(error) for line in explained.evidence)
