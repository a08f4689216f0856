"""The sweep over the registry loads what it counts, and goes on where it was stopped."""

from __future__ import annotations

import pytest
import transformers

from benchmarks.accuracy import WAYS
from benchmarks.sweep import ENDED, Figure, one_type, read, small, summary, write

# Once off by bytes or refused: a matrix that is cut while it loads, positions that are not stored,
# names that are changed, layers that differ in their heads.
ONCE_OFF = ("kimi_k25", "granite_speech5_ctc", "t5gemma", "dots3_note_text")


@pytest.mark.parametrize("kind", ["olmo2", *ONCE_OFF])
def test_a_type_is_loaded_in_each_way(kind):
    if kind not in transformers.CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {kind}")
    found = list(one_type(kind))
    assert {one.what for one in found} >= set(WAYS)
    assert [one for one in found if one.left_out or one.told != one.loaded] == []


def test_what_cannot_be_shrunken_is_left_out():
    with pytest.raises(KeyError):
        small("no-such-type")
    (found,) = one_type("no-such-type")
    assert found.left_out.startswith("KeyError")


def test_what_was_found_is_kept_and_a_type_that_ended_the_process_is_told(tmp_path):
    file = tmp_path / "swept.csv"
    assert read(file) == {}
    one, other = Figure("llama", "nf4", 10, 10), Figure("bert", "nf4", 9, 10)
    for found in ([Figure("llama", left_out=ENDED)], [one], [Figure("bert", left_out=ENDED)]):
        write(file, found)
    assert read(file) == {"llama": [one], "bert": [Figure("bert", left_out=ENDED)]}
    write(file, [other])
    write(file, [Figure("llama", left_out=ENDED), one, Figure("llama", "int8", 5, 5)])
    assert read(file) == {"llama": [one, Figure("llama", "int8", 5, 5)], "bert": [other]}
    text = "\n".join(summary(read(file), 804))
    assert "2 of 804 model types; 2 could be" in text
    assert "bert, nf4: 9 told, 10 loaded" in text and "nf4             1 of 2" in text
