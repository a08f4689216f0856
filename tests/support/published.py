"""The published models on this machine, and what is skipped where they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from practice_hub.published import missing_models

PARTS = ("MODELS.assistant", "MODELS.embed")
MISSING = [model.repo_id for model in missing_models()]
REASON = f"not on this machine: {', '.join(MISSING)} (python -m practice_hub --fetch)"
needs_models = pytest.mark.skipif(bool(MISSING), reason=REASON)


def wants_models(notebook: Path) -> bool:
    """Whether a notebook casts a part that a published model plays."""
    text = notebook.read_text(encoding="utf-8")
    return any(part in text for part in PARTS)
