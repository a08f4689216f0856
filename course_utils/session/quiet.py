"""Warnings of the libraries that mean nothing to a learner, each with the reason why.

Only these are kept back, by their logger and their words. Every other warning is shown.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass


@dataclass(frozen=True)
class Meaningless:
    """``logger`` writes it, ``begins`` are its first words, ``reason`` is why nobody needs it.

    Where the first words are those of a useful warning too, ``holds`` are further ones.
    """

    logger: str
    begins: str
    reason: str
    holds: str = ""

    def says(self, message: str) -> bool:
        return message.startswith(self.begins) and self.holds in message


MEANINGLESS = (
    Meaningless(
        "transformers.modeling_utils",
        "Skipping caching allocator warmup",
        "The warm-up only makes loads faster. It is skipped where CUDA is built in and no GPU "
        "answers, and then the load says so itself, as an error.",
    ),
    Meaningless(
        "bitsandbytes.backends.cpu.ops",
        "Failed to load CPU gemm_4bit_forward",
        "bitsandbytes asks for an optional package with a faster routine for some CPUs. Without it "
        "bitsandbytes takes its own routine, and nothing else changes.",
    ),
    Meaningless(
        "transformers.generation.utils",
        "Both `max_new_tokens` (=",
        "20 is a default of the library that nobody set, and it is not used. Up to transformers "
        "5.15 at least, every answer of a text-generation pipeline says so.",
        holds="`max_length`(=20) seem to have been set",
    ),
    Meaningless(
        "transformers.tokenization_utils_tokenizers",
        "Ignoring clean_up_tokenization_spaces=True for BPE tokenizer",
        "Up to transformers 5.15 at least, a text-generation pipeline asks for this clean-up by "
        "itself, and the tokenizer rightly leaves it out.",
    ),
)


class _Without(logging.Filter):
    """Lets a record pass unless it says what the meaningless one does."""

    def __init__(self, one: Meaningless) -> None:
        super().__init__()
        self.one = one

    def filter(self, record: logging.LogRecord) -> bool:
        return not self.one.says(record.getMessage())


def keep_quiet() -> None:
    """Keep the meaningless warnings back in this process; a second call changes nothing."""
    for one in MEANINGLESS:
        logger = logging.getLogger(one.logger)
        there = {held.one for held in logger.filters if isinstance(held, _Without)}
        if one not in there:
            logger.addFilter(_Without(one))
