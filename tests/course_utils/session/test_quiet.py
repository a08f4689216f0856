"""Meaningless warnings are kept back, each by its first words, and every other is shown."""

from __future__ import annotations

import pytest

from course_utils.session.quiet import MEANINGLESS

OTHER = "Something else that a reader needs to know"


@pytest.mark.parametrize("one", MEANINGLESS, ids=lambda one: one.logger)
def test_only_the_known_words_of_a_logger_are_kept_back(run_python, one):
    code = f"""
import logging
import course_utils as cu
logger = logging.getLogger({one.logger!r})
logger.warning({one.begins + one.holds!r} + ": before")
cu.start("practice")
logger.warning({one.begins + one.holds!r} + ": %s", "after")
logger.warning({OTHER!r})
"""
    told = run_python(code).stderr
    assert f"{one.begins}{one.holds}: before" in told
    assert "after" not in told
    assert OTHER in told
    assert one.reason.endswith(".")


def test_two_lengths_that_a_learner_has_set_are_not_kept_back(run_python, hub):
    code = """
import course_utils as cu
cu.start("practice")
import torch
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(cu.MODELS.chat)
for length in 20, 30:
    model.generate(torch.ones(1, 2, dtype=torch.long), max_new_tokens=2, max_length=length)
"""
    told = run_python(code, PRACTICE_HUB_URL=hub.url).stderr
    assert "`max_length`(=30) seem to have been set" in told
    assert "`max_length`(=20)" not in told


def test_a_chat_says_nothing_of_defaults_that_nobody_set(run_python, hub):
    code = """
import course_utils as cu
cu.start("practice")
from transformers import pipeline
chat = pipeline("text-generation", model=cu.MODELS.chat)
chat([{"role": "user", "content": "What is a repo id?"}])
"""
    told = run_python(code, PRACTICE_HUB_URL=hub.url).stderr
    assert "max_length" not in told and "clean_up" not in told


def test_a_second_call_adds_nothing():
    import logging

    from course_utils.session.quiet import keep_quiet

    loggers = [logging.getLogger(one.logger) for one in MEANINGLESS]
    before = [list(logger.filters) for logger in loggers]
    try:
        keep_quiet()
        once = [list(logger.filters) for logger in loggers]
        keep_quiet()
        assert [logger.filters for logger in loggers] == once
    finally:
        for logger, filters in zip(loggers, before, strict=True):
            logger.filters[:] = filters


def test_a_load_for_a_gpu_that_is_not_there_says_only_what_is_wrong(run_python, hub):
    """On a CUDA build without a driver transformers would also tell of a warm-up it skipped."""
    code = """
import course_utils as cu
cu.start("practice")
from transformers import AutoModelForCausalLM
try:
    AutoModelForCausalLM.from_pretrained(cu.MODELS.chat, device_map={"": 7})
except (RuntimeError, AssertionError) as error:
    print(type(error).__name__)
"""
    told = run_python(code, PRACTICE_HUB_URL=hub.url)
    assert told.stdout.strip() in ("RuntimeError", "AssertionError")
    assert "warmup" not in told.stderr


def test_four_bits_on_a_cpu_say_nothing_of_an_optional_package(run_python, hub):
    code = """
import course_utils as cu
cu.start("practice")
import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
model = AutoModelForCausalLM.from_pretrained(
    cu.MODELS.chat, quantization_config=BitsAndBytesConfig(load_in_4bit=True), device_map="cpu"
)
model(torch.ones(1, 2, dtype=torch.long))
"""
    assert "gemm_4bit_forward" not in run_python(code, PRACTICE_HUB_URL=hub.url).stderr
