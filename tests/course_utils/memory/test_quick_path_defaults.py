"""What a config.json leaves out is what transformers' class says: the quick path knows, or steps
aside. It is held against transformers' own config and cache for every field of every family."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from course_utils.errors import CourseError
from course_utils.memory.assumptions import Assumptions
from course_utils.memory.by_headers import FAMILIES, exact_by_headers
from course_utils.memory.by_transformers import by_transformers
from course_utils.memory.checkpoint import read_checkpoint
from course_utils.memory.estimate import add_up
from tests.course_utils.memory.test_estimate import QUICK, shrunken
from tests.support.ground_truth import cache_bytes as held_by_the_cache
from tests.support.ground_truth import class_of, config_of, load, resident_bytes

TOO_SMALL = {"pad_token_id"}  # a class's default lies beyond a shrunken vocabulary: nothing loads
LONG = Assumptions(context=9000, batch=2)  # beyond a window of 4,096
SET = {
    "sliding_window alone": {"sliding_window": 16},
    "no window": {"sliding_window": None},
    "switched off": {"sliding_window": 16, "use_sliding_window": False},
    "on, all layers below": {"sliding_window": 16, "use_sliding_window": True},
    "on, from the second": {
        "sliding_window": 16,
        "use_sliding_window": True,
        "max_window_layers": 1,
    },
    "chunks": {"attention_chunk_size": 16},
    "every layer slides": {"layer_types": ["sliding_attention"] * 2, "sliding_window": 16},
    "both directions": {"use_bidirectional_attention": True},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield cache(lambda family: shrunken(QUICK[family], tmp_path_factory.mktemp("model")).folder)


def agrees(folder: Path) -> bool:
    """False where the quick path steps aside."""
    checkpoint = read_checkpoint(folder)
    quick = exact_by_headers(checkpoint, None)
    if quick is None:
        return False
    try:
        full = by_transformers(checkpoint, None)
    except CourseError as refused:
        pytest.fail(f"by headers it is exact, and transformers says: {refused}")
    told = [replace(add_up(one, LONG), notes=()) for one in (quick, full)]
    assert told[0] == told[1]
    return True


@pytest.mark.parametrize("family", FAMILIES)
def test_a_field_left_out_or_set_oddly(family, small):
    folder = small(family)
    path = folder / "config.json"
    whole = json.loads(path.read_text())
    left_out = {
        f"without {name}": {k: v for k, v in whole.items() if k != name}
        for name in whole.keys() - TOO_SMALL
    }
    odd = {name: whole | changes for name, changes in SET.items()}
    vouched = []
    try:
        for name, fields in {"as it is": whole, **left_out, **odd}.items():
            path.write_text(json.dumps(fields))
            vouched += [name] if agrees(folder) else []
    finally:
        path.write_text(json.dumps(whole))
    assert "as it is" in vouched


@pytest.mark.parametrize("changes", SET.values(), ids=SET.keys())
@pytest.mark.parametrize("family", ["qwen2", "qwen3", "smollm3", "mistral"])
def test_the_cache_is_the_librarys_own(family, changes, small):
    folder = small(family)
    path = folder / "config.json"
    whole = json.loads(path.read_text())
    if "layer_types" in changes and family != "mistral":
        pytest.skip("layers that slide by name without a switch: transformers has no window then")
    path.write_text(json.dumps(whole | changes))
    try:
        from course_utils.memory import estimate_memory

        estimate = estimate_memory(folder, context=40, batch=2)
        model = load(class_of(whole), folder, None, None)
    finally:
        path.write_text(json.dumps(whole))
    assert estimate.weights == resident_bytes(model)
    assert (estimate.kv_cache, estimate.kv_cache_prefill) == held_by_the_cache(model, 40, 2)
    assert config_of(whole).model_type == family
