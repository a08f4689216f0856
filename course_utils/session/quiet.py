"""Warnings of the libraries that mean nothing to a learner, each with the reason why.

Only these are kept back, by their logger and first words. Every other warning is shown.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass


@dataclass(frozen=True)
class Meaningless:
    """``logger`` writes it, ``begins`` are its first words, ``reason`` is why nobody needs it."""

    logger: str
    begins: str
    reason: str


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
)


class _Without(logging.Filter):
    """Lets a record pass unless it begins as the meaningless one does."""

    def __init__(self, begins: str) -> None:
        super().__init__()
        self.begins = begins

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(self.begins)


def keep_quiet() -> None:
    """Keep the meaningless warnings back in this process; a second call changes nothing."""
    for one in MEANINGLESS:
        logger = logging.getLogger(one.logger)
        there = {held.begins for held in logger.filters if isinstance(held, _Without)}
        if one.begins not in there:
            logger.addFilter(_Without(one.begins))
