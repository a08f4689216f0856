"""Sentences that keep business out, in many languages, and their opposites."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from course_utils.licenses import wording

CASES = tomllib.loads((Path(__file__).parent / "wording_cases.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("sentence", CASES["forbids"])
def test_words_that_keep_business_out(sentence):
    assert wording.forbids(sentence)


@pytest.mark.parametrize("sentence", CASES["fine"])
def test_words_that_only_sound_like_it(sentence):
    assert not wording.forbids(sentence)


def test_a_wrapped_sentence_is_read_as_one_and_told_by_its_first_line():
    text = "It works.\nThis model is for academic\nresearch only. Enjoy."
    (statement,) = wording.statements(10, text)
    assert statement.says == "forbids"
    assert statement.line == 11
    assert "academic research only" in statement.words


def test_items_of_a_list_are_read_one_by_one():
    text = "- It is fast.\n- No commercial use.\n- It is small."
    (statement,) = wording.statements(1, text)
    assert (statement.line, statement.words) == (2, "- No commercial use.")
