"""The sweep over the registry loads what it counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from benchmarks.accuracy import WAYS
from benchmarks.sweep import one_type, small


def test_a_type_is_loaded_in_each_way(tmp_path):
    counts: Counter[Any] = Counter()
    assert one_type("olmo2", tmp_path, counts) == []
    assert counts["types"] == 1
    assert all(counts[way, "exact"] == counts[way, "all"] == 1 for way in (*WAYS, "KV cache"))


def test_what_cannot_be_shrunken_is_left_out():
    with pytest.raises(KeyError):
        small("no-such-type")
