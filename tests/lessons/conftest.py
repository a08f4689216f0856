"""What several lessons' tests ask of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from transformers import BatchEncoding

CHAT = "practice/tiny-chat"


@pytest.fixture(scope="module")
def prompt() -> BatchEncoding:
    from transformers import AutoTokenizer  # not before the Hub of these tests is set

    tokenizer = AutoTokenizer.from_pretrained(CHAT)
    return tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is a repo id?"}],
        add_generation_prompt=True,
        return_tensors="pt",
    )
