"""What notebook 00 shows of the help desk holds on another CPU, with room for its last digits."""

from __future__ import annotations

import numpy as np

import course_utils as cu
from tests.support.published import needs_models

pytestmark = needs_models

EMBED = "sentence-transformers/all-MiniLM-L6-v2"
CHAT = "unpacked/SmolLM2-135M-Instruct-Q4_1"
WARRANTY, BROKEN_SCREEN = 16, 6
MARGIN = 0.005  # in cosine; float32 differs between CPUs by less than a thousandth of it


def test_all_tickets_but_one_are_found_and_none_by_a_hair():
    from sentence_transformers import SentenceTransformer

    finder = SentenceTransformer(EMBED, device="cpu")
    new, solved = (
        finder.encode(list(texts)) for texts in (cu.HELP_DESK.english, cu.HELP_DESK.solved)
    )
    cosines = new @ solved.T
    nearest = cosines.argmax(axis=1)
    assert [place for place in range(20) if nearest[place] != place] == [WARRANTY]
    assert nearest[WARRANTY] == BROKEN_SCREEN
    best, second = np.sort(cosines, axis=1)[:, -1], np.sort(cosines, axis=1)[:, -2]
    assert (best - second).min() > MARGIN


def test_the_small_chat_model_does_not_answer_the_ticket():
    from transformers import pipeline

    writer = pipeline("text-generation", model=CHAT)
    request = (
        "A customer of our coffee machines writes: 'It broke after 18 months, is that still "
        "covered?' Our warranty is 24 months. Write the reply."
    )
    messages = [{"role": "user", "content": request}]
    reply = writer(messages, max_new_tokens=60, do_sample=False)[0]["generated_text"][-1]["content"]
    assert "yes" not in reply.lower() and "is covered" not in reply.lower()
