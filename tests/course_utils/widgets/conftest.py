"""The estimate that most of these tests draw."""

from __future__ import annotations

import pytest

import course_utils as cu
from tests.course_utils.widgets.samples import SEVEN


@pytest.fixture(scope="session")
def estimate() -> cu.MemoryEstimate:
    return cu.estimate_memory(SEVEN, "float16", "nf4", context=8192)
