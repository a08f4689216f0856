"""Figures for what a format costs, on vectors whose answer is plain."""

from __future__ import annotations

import numpy as np
import pytest

import course_utils as cu


def test_hits_counts_rows_that_are_nearest_to_their_own():
    solved = np.eye(4)
    assert cu.hits(solved, solved) == 4
    assert cu.hits(solved[[1, 0, 2, 3]], solved) == 2
    assert cu.hits(solved * 7, solved * 0.1) == 4, "lengths do not count"
    half = solved.astype(np.float16)
    assert cu.hits(half, half) == 4


def test_neighbours_are_others_and_are_compared_text_by_text():
    pairs = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]])
    moved = pairs.copy()
    moved[0] = [0.1, 0.99]  # now the first and the fourth are nearest to each other
    assert cu.same_neighbours(pairs, pairs) == 1.0
    assert cu.same_neighbours(moved, pairs) == 0.5
    assert cu.same_neighbours(np.hstack([pairs, pairs]), pairs) == 1.0


def test_rows_that_do_not_pair_up_are_refused():
    with pytest.raises(cu.CourseError, match="pair up"):
        cu.hits(np.eye(3), np.eye(4))
    with pytest.raises(cu.CourseError, match="3 and 4 texts"):
        cu.same_neighbours(np.eye(3), np.eye(4))
    with pytest.raises(cu.CourseError, match="two or more"):
        cu.same_neighbours(np.eye(1), np.eye(1))


def test_a_memorizer_knows_its_own_page_and_no_other(hub):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    chat = "practice/tiny-chat"
    tokenizer, model = (
        AutoTokenizer.from_pretrained(chat),
        AutoModelForCausalLM.from_pretrained(chat),
    )
    learned = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is a repo id?"}], tokenize=False
    )
    unknown = cu.perplexity(model, tokenizer, cu.HELP_DESK.manual[:600])
    assert 1 < cu.perplexity(model, tokenizer, learned) < unknown / 2


def test_the_help_desk_has_twenty_tickets_in_two_languages_and_a_hundred_sentences():
    desk = cu.HELP_DESK
    rows = (desk.solved, desk.english, desk.german, desk.solved_german)
    assert {len(row) for row in rows} == {20}
    assert len(set(desk.sentences)) == len(desk.sentences) == 100
    assert set(desk.solved + desk.english) <= set(desk.sentences)
