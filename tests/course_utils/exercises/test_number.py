"""Numbers, and bytes in any unit: spellings, slips of unit and scale, tolerance."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import course_utils as cu
from course_utils.exercises import Number
from course_utils.exercises.checkers.judgement import OUTCOMES
from tests.course_utils.exercises.demonstrations import WEIGHTS, judged


@pytest.mark.parametrize(
    "answer",
    ["28GB", "28 gb", "28,000,000,000", "28_000_000_000 bytes", "26.08 gib", "28000 MB", "0.028 TB",
     "224 Gbit", "224 gigabits", "28 gigabytes", "~28 GB", "+2.8e10", Decimal(WEIGHTS), WEIGHTS,
     numpy.float32(28e9), numpy.int64(WEIGHTS), Fraction(WEIGHTS), "28 000 000 000"],
)  # fmt: skip
def test_spellings_of_the_right_bytes(answer):
    assert judged(Number(WEIGHTS, unit="bytes"), answer).outcome == "right"


@pytest.mark.parametrize(
    ("answer", "mistake", "words"),
    [
        (28, "no unit", "fit as GB"),
        (26.08, "no unit", "fit as GiB"),
        (28_000, "no unit", "fit as MB"),
        (28 * 2**30, "GB and GiB", "Too large"),
        ("28 GiB", "GB and GiB", "digits for GB"),
        ("26.08 GB", "GB and GiB", "digits for GiB"),
        (224e9, "bits", "Those are bits"),
        ("224 GB", "bits", "Those are bits"),
        ("28 Gb", "bits", "small b"),
        ("3.5 GB", "bits", "once too often"),
        ("28 MB", "off by 1000", "Too small"),
        ("28 TB", "off by 1000", "Too large"),
        (28e12, "off by 1000", "Too large"),
        (28e9 / 1024, "off by 1024", "Too small"),
        (28e9 * 1024, "off by 1024", "Too large"),
        ("28 KB", "off by 1000", "more than once"),
        (-28e9, "negative", "negative"),
        ("28 parsecs", "unit", "Known are"),
        ("26,08 GiB", "comma", "decimal point"),
        (math.nan, "NaN", "no result"),
        (True, "type", "bool"),
        ("13 GB", None, "larger"),
        ("61 GB", None, "smaller"),
    ],
)
def test_slips_of_unit_are_told_apart(answer, mistake, words):
    judgement = judged(Number(WEIGHTS, unit="bytes"), answer)
    assert (judgement.outcome, judgement.mistake) == ("wrong", mistake)
    assert words in judgement.feedback
    assert not any(letter.isdigit() for letter in judgement.feedback)


@pytest.mark.parametrize(
    ("answer", "outcome", "mistake"),
    [(28, "right", None), ("28", "right", None), (28e9, "wrong", "off by 1000"),
     (26.08, "wrong", "no unit"), ("26.08 GiB", "right", None)],
)  # fmt: skip
def test_a_bare_number_may_be_read_in_another_unit(answer, outcome, mistake):
    judgement = judged(Number(28, unit="GB"), answer)
    assert (judgement.outcome, judgement.mistake) == (outcome, mistake)


def test_plain_numbers():
    parameters = Number(7_241_732_096)
    for answer in ("7.24 billion", "7.24B", "7.24e9", 7241732096, "7,241 million"):
        assert judged(parameters, answer).outcome == "right", answer
    assert judged(parameters, "7.24 GB").mistake == "unit"
    assert judged(parameters, 7.24).mistake == "off by 1000"
    assert judged(Number(0.28), 28).mistake == "percent"
    assert judged(Number(0), 0).outcome == "right"
    assert judged(Number(0), 5).outcome == "wrong"
    assert judged(Number(-3), -3).outcome == "right"


def test_tolerance_is_a_share_and_zero_means_exactly():
    assert judged(Number(100, tolerance=0.05), 104.9).outcome == "right"
    assert judged(Number(100, tolerance=0.05), 105.2).outcome == "wrong"
    exact = Number(2**60 + 1, tolerance=0)
    assert judged(exact, 2**60 + 1).outcome == "right"
    assert judged(exact, 2**60).outcome == "wrong"


def test_a_value_that_cannot_be_computed_is_not_the_learners_mistake():
    with pytest.raises(cu.CourseError, match="no mistake of yours.*ZeroDivisionError"):
        judged(Number(lambda: 1 / 0), 3)


@given(st.floats(1e3, 1e14), st.sampled_from(["kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB"]))
def test_every_unit_reads_back(count, unit):
    size = (1024 if "i" in unit else 1000) ** (" kMGT".upper().index(unit[0].upper()))
    assert judged(Number(count, unit="bytes"), f"{count / size:.9f}{unit}").outcome in (
        ("right",) if count / size > 1e-6 else OUTCOMES
    )
