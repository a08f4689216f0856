"""Every declared exercise, and the engine beneath: judging, hints, the progress file."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import course_utils as cu
from course_utils.exercises import (
    Case,
    Choice,
    Condition,
    Exercise,
    FunctionChecker,
    Matching,
    Number,
    RepoCondition,
    WrongAnswer,
    declared,
    progress_file,
)
from course_utils.exercises.checkers.judgement import OUTCOMES
from course_utils.exercises.progress_file import Record

WEIGHTS = 28_000_000_000


def half(count):
    return count // 2


DEMONSTRATIONS = (
    Exercise(
        id="90.1",
        ask="How many bytes do seven billion parameters take in float32?",
        checker=Number(lambda: 4 * 7 * 10**9, unit="bytes"),
        hints=("One float32 takes 32 bits.", "Multiply parameters by bytes."),
        wrong=(
            WrongAnswer(28),
            WrongAnswer("26.08 GB"),
            WrongAnswer(lambda: 8 * WEIGHTS),
            WrongAnswer("7 GB", "That counts the parameters, not their bytes."),
        ),
        solution=lambda: f"7e9 * 4 = {7 * 10**9 * 4} bytes",
        right=(28e9, "28 GB", "26.08 GiB", lambda: WEIGHTS),
    ),
    Exercise(
        id="90.2",
        ask="Which is the four-bit type made for weights: nf4, fp4 or int8?",
        checker=Choice({"nf4": ("normal float 4",), "fp4": (), "int8": ("8-bit",)}, answer="nf4"),
        hints=("Weights are spread like a bell.",),
        wrong=(
            WrongAnswer("FP4", "It has four bits, but its steps fit no bell."),
            WrongAnswer("8 bit"),
        ),
        solution="nf4",
        right=("nf4", " NF4. ", "Normal-Float 4"),
    ),
    Exercise(
        id="90.3",
        ask="Name a model whose license is Apache-2.0.",
        checker=RepoCondition(
            (
                Condition("be open", lambda repo: not repo.info.gated),
                Condition(
                    "have the license Apache-2.0",
                    lambda repo: repo.info.card_data.license == "apache-2.0",
                ),
            )
        ),
        hints=("The license stands in the card.",),
        wrong=(
            WrongAnswer("practice/gated-chat"),
            WrongAnswer("practice/no-license"),
            WrongAnswer("practice/no-card", "It has no card, so nobody knows."),
            WrongAnswer("practice/nowhere"),
        ),
        solution="practice/tiny-chat",
        right=("practice/tiny-chat",),
    ),
    Exercise(
        id="90.4",
        ask="Write half(count), rounding down.",
        checker=FunctionChecker((Case((9,), 4, "an odd number"), Case((122,), 61)), seconds=0.5),
        hints=("Python has an operator that divides and rounds down.",),
        wrong=(WrongAnswer(lambda count: (count + 1) // 2, "That rounds up."),),
        solution="def half(count):\n    return count // 2",
        right=(half,),
    ),
    Exercise(
        id="90.5",
        ask="Which share of the parameters is active?",
        checker=Number(0.2789),
        hints=("Divide the active by the total.",),
        wrong=(WrongAnswer(27.89),),
        solution="0.2789",
        right=(0.2789, "0.279"),
    ),
    Exercise(
        id="90.6",
        ask="What do disks and what does torch count in: GB or GiB?",
        checker=Matching({"GB": ("gigabytes",), "GiB": ()}, answer={"disk": "GB", "torch": "GiB"}),
        hints=("One counts in thousands.",),
        wrong=(
            WrongAnswer({"disk": "GiB", "torch": "GB"}),
            WrongAnswer({"disk": "GiB"}, "Shops like the smaller unit, it makes a larger number."),
            WrongAnswer({"disk": "GB"}),
            WrongAnswer({"disk": "GB", "torch": "MB"}),
            WrongAnswer(["GB", "GiB"]),
        ),
        solution='{"disk": "GB", "torch": "GiB"}',
        right=({"disk": "gb", "torch": "GiB."}, {"disk": "Gigabytes", "torch": "gib", "x": 1}),
    ),
)
ALL = {exercise.id: exercise for exercise in DEMONSTRATIONS} | dict(declared.registered())
EACH = pytest.mark.parametrize("exercise", ALL.values(), ids=list(ALL))


@pytest.fixture(autouse=True)
def progress_at(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "data" / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    monkeypatch.setattr(declared, "registered", lambda: ALL)
    monkeypatch.setattr(progress_file, "_unsaved", {})
    return path


def judged(checker, answer):
    exercise = Exercise("91.1", "?", checker, ("look",), solution="so", right=(1,))
    return exercise.judge(answer)


# Every declared exercise


@EACH
def test_right_answers_are_right(exercise):
    for answer in exercise.right:
        report = cu.check_answer(exercise.id, exercise.checker.resolve(answer))
        assert report.is_right, report


@EACH
def test_declared_wrong_answers_get_feedback_for_that_mistake(exercise):
    for mistake in exercise.wrong:
        report = cu.check_answer(exercise.id, exercise.checker.resolve(mistake.example))
        assert report.outcome == "wrong"
        assert report.feedback
        if mistake.feedback:
            assert report.feedback == mistake.feedback


@EACH
def test_untouched_answers_are_not_attempted_and_write_nothing(exercise, progress_at):
    for answer in (cu.YOUR_ANSWER, None, ...):
        assert cu.check_answer(exercise.id, answer).outcome == "not attempted"
    assert cu.check_answer(exercise.id).outcome == "not attempted"
    assert not progress_at.parent.exists()


@EACH
def test_nothing_gives_the_expected_value_away_before_the_solution(exercise):
    tried = [exercise.checker.resolve(mistake.example) for mistake in exercise.wrong]
    texts = [str(cu.check_answer(exercise.id, answer)) for answer in (*tried, *BAD, 3, "8 GB")]
    texts += [str(cu.hint(exercise.id)) for _ in exercise.hints]
    texts.append(str(cu.check_answer(exercise.id)))
    for text in texts:
        told = "\n".join(text.splitlines()[1:]).replace(exercise.id, "")
        assert not exercise.checker.gives_away(told), text


@EACH
def test_the_solution_is_shown_and_noted(exercise):
    report = cu.solution(exercise.id)
    assert exercise.solution_text().strip().splitlines()[0] in str(report)
    assert cu.progress().exercises[exercise.id].solution_at


def test_gives_away_is_no_empty_promise():
    number, choice = DEMONSTRATIONS[0].checker, DEMONSTRATIONS[1].checker
    for text in ("28 GB", "it is 28,000,000,000", "26.1", "about 2.8e10 bytes", "28.0"):
        assert number.gives_away(text), text
    assert not number.gives_away("7 billion parameters of 32 bits")
    assert choice.gives_away("Take NF4.") and not choice.gives_away("Take the other.")


# Answers of every wrong kind


class Spiteful:
    def _refuse(self, *_):
        raise RuntimeError("I refuse")

    __eq__ = __hash__ = __float__ = __str__ = __repr__ = __bool__ = __len__ = _refuse
    __getattr__ = _refuse


class SpitefulInt(int):
    def __int__(self):
        raise RuntimeError("no")

    __float__ = __abs__ = __eq__ = __sub__ = __mul__ = bit_length = __int__
    __hash__ = int.__hash__


class SpitefulText(str):
    def strip(self, *_):
        raise RuntimeError("no")

    casefold = replace = __len__ = __eq__ = strip
    __hash__ = str.__hash__


def _raises(*_):
    raise Spiteful


BAD = [
    True, 1j, math.nan, math.inf, -math.inf, "nan", "-inf", "", "   ", "e5", ".", "--3", "1e999",
    10**5000, -(10**5000), Decimal("NaN"), Decimal("1e999999"), Fraction(10**400), "9" * 79,
    b"28 GB", [], {}, (28, "GB"), {"a": 1}, object(), Spiteful(), Spiteful, SpitefulInt(3),
    SpitefulText("practice/tiny"), ValueError("x"), "x" * 10_000_000, "1" * 10_000_000,
    "\ud800", "\0", "../../etc", "https://huggingface.co/a/b", print, len, _raises, lambda: 0,
    "\U0001f4a5", numpy.zeros(3), numpy.float64("nan"), numpy.bool_(True), "26,08 GiB",
    "28 furlongs", "28 Gb",
]  # fmt: skip


@EACH
@pytest.mark.parametrize("index", range(len(BAD)))
def test_bad_answers_are_wrong_or_crashed_and_never_raise(exercise, index):
    began = time.monotonic()
    report = cu.check_answer(exercise.id, BAD[index])
    assert report.outcome in ("wrong", "crashed")
    assert report.feedback
    assert len(str(report)) < 1500
    json.dumps(report.to_dict())
    assert time.monotonic() - began < 3


@given(st.one_of(st.text(), st.floats(), st.integers(), st.binary(), st.lists(st.integers())))
@example("1_000 GB")
def test_any_answer_gets_an_outcome(answer):
    for exercise in (DEMONSTRATIONS[0], DEMONSTRATIONS[1], DEMONSTRATIONS[3], DEMONSTRATIONS[4]):
        assert exercise.judge(answer).outcome in OUTCOMES


def test_the_sentinel_survives_copies():
    assert copy.deepcopy(cu.YOUR_ANSWER) is cu.YOUR_ANSWER
    assert pickle.loads(pickle.dumps(cu.YOUR_ANSWER)) is cu.YOUR_ANSWER


# Numbers


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


# Choices, functions, repos


def test_choices_are_told_from_other_words():
    checker = DEMONSTRATIONS[1].checker
    assert judged(checker, "bf16").mistake == "no choice"
    assert judged(checker, "int8").mistake is None
    with pytest.raises(ValueError, match="none of the options"):
        Choice({"a": ()}, answer="b")
    with pytest.raises(ValueError, match="share a spelling"):
        Choice({"a": ("x",), "b": ("X",)}, answer="a")


def test_a_crash_is_explained_with_its_line():
    def half(count):
        parts = 0
        return count / parts

    report = cu.check_answer("90.4", half)
    assert report.outcome == "crashed"
    for words in ("half(9)", "ZeroDivisionError: division by zero", "line 3 of half"):
        assert words in report.feedback
    assert "return count / parts" in report.feedback
    assert "divided by zero" in report.feedback


def test_a_crash_in_a_helper_names_the_helpers_line():
    def share(total):
        return 1 / (total - total)

    feedback = cu.check_answer("90.4", lambda count: share(count)).feedback
    assert "line 2 of share: `return 1 / (total - total)`" in feedback


def _loops(count):
    while True:
        with contextlib.suppress(Exception):
            count += 1


def _prints(count):
    count // 2


def _stub(count):
    """Halve."""
    ...


def _marked(count):
    return cu.YOUR_ANSWER


def _to_do(count):
    raise NotImplementedError


@pytest.mark.parametrize(
    ("function", "outcome", "words"),
    [
        (_stub, "not attempted", ""),
        (_marked, "not attempted", ""),
        (_to_do, "not attempted", ""),
        (_prints, "wrong", "`return` missing"),
        (_loops, "crashed", "does a loop never end"),
        (lambda count: sys.exit(1), "crashed", "SystemExit"),
        (lambda count: missing, "crashed", "not yet run"),  # noqa: F821
        (lambda a, b: a, "wrong", "take one argument"),
        (lambda count: str(count // 2), "wrong", "type str"),
        (lambda count: 61 if count == 122 else 7, "wrong", "an odd number. Other cases come out"),
        (lambda count: 10**5000, "wrong", "does not return what it should"),
        (lambda count: count // 2 * 1000, "wrong", "Too large by a factor of a thousand"),
        (lambda count: Spiteful(), "wrong", "type Spiteful"),
        (lambda count: _loops.recurse(), "crashed", "AttributeError"),
        (lambda count: half(count), "right", ""),
    ],
)
def test_functions(function, outcome, words):
    report = cu.check_answer("90.4", function)
    assert report.outcome == outcome, report
    assert words in report.feedback


def test_a_function_cannot_spoil_the_cases():
    checker = FunctionChecker((Case(([3, 1],), [1, 3]),))

    def spoils(values):
        values.sort()
        values.append(9)
        return values[:-1]

    assert judged(checker, spoils).outcome == "right"
    assert judged(checker, spoils).outcome == "right"


def test_functions_of_bytes_know_the_slips():
    checker = FunctionChecker((Case((7e9, 4), 28e9), Case((3, 2), 6)), unit="bytes")
    judgement = judged(checker, lambda parameters, size: parameters * size * 8)
    assert judgement.mistake == "bits"


def test_repos_are_asked_of_the_hub_in_use():
    assert "no model of that name" in cu.check_answer("90.3", "practice/nowhere").feedback
    assert "must be open" in cu.check_answer("90.3", "practice/gated-chat").feedback
    assert "license Apache-2.0" in cu.check_answer("90.3", "practice/no-license").feedback
    from huggingface_hub import HfApi

    assert cu.check_answer("90.3", HfApi().model_info("practice/tiny-chat")).is_right


def test_a_hub_that_does_not_answer_judges_nothing(monkeypatch, progress_at):
    import huggingface_hub

    dead = huggingface_hub.HfApi(endpoint="http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: dead)
    with pytest.raises(cu.CourseError, match="not judged"):
        cu.check_answer("90.3", "practice/tiny-chat")
    assert not progress_at.exists()


def test_a_repo_exercise_does_not_choose_the_hub(run_python):
    code = """
import sys, course_utils as cu
from course_utils.exercises import *
checker = RepoCondition((Condition("be", lambda repo: True),))
try:
    Exercise("05.1", "?", checker, ("h",), solution="s", right=("a/b",)).judge("a/b")
except cu.CourseError as error:
    print(error, "huggingface_hub" in sys.modules)
"""
    assert "Run cu.start() first" in (said := run_python(code).stdout) and "False" in said


# Ids, hints, reports


@pytest.mark.parametrize("wanted", ["90.9", "9.1", "", "x" * 10_000_000, 90.1, None])
def test_unknown_exercises_name_the_nearest(wanted):
    for ask in (cu.check_answer, cu.hint, cu.solution):
        with pytest.raises(cu.CourseError, match="Spiteful"):
            ask(Spiteful())
        with pytest.raises(cu.CourseError) as error:
            ask(wanted)
        assert len(str(error.value)) < 200
        if isinstance(wanted, str):
            assert re.search(r"nearest: .*\b\d\d\.\d", str(error.value))


def test_hints_come_in_stages():
    first, second, third = (cu.hint("90.1") for _ in range(3))
    assert (first.number, second.number, third.number) == (1, 2, 2)
    assert "next hint" in first.next_step and "cu.solution" in second.next_step
    assert cu.hint("90.1", 1).text == first.text
    for number in (0, 3, True, "1", 1.0):
        with pytest.raises(cu.CourseError, match="hints 1 to 2"):
            cu.hint("90.1", number)


def test_reports_print_show_and_turn_into_dicts():
    reports = [cu.check_answer("90.1", 28), cu.hint("90.1"), cu.solution("90.4"), cu.progress()]
    for report in reports:
        assert str(report) == repr(report)
        assert report.title() in report._repr_html_().replace("&#x27;", "'")
        json.dumps(report.to_dict())
        with pytest.raises(AttributeError):
            report.exercise = "x"


def test_a_malformed_declaration_is_refused():
    good = dict(id="05.1", ask="?", checker=Number(1), hints=("h",), solution="s", right=(1,))
    for change in ({"id": "5.1"}, {"hints": ()}, {"right": ()}, {"solution": ""}):
        with pytest.raises(ValueError):
            Exercise(**{**good, **change})


# The progress file


def test_progress_keeps_the_best_and_counts(progress_at):
    cu.check_answer("90.1", "28 GB")
    cu.check_answer("90.1", 28)
    record = cu.progress().exercises["90.1"]
    assert (record.outcome, record.attempts) == ("right", 2)
    assert record.right_at
    assert json.loads(progress_at.read_text())["exercises"]["90.1"]["outcome"] == "right"
    assert f"1 of {len(ALL)} exercises right" in str(cu.progress())
    cu.solution("90.2")
    cu.check_answer("90.2", "nf4")
    assert "90.2 right, after the solution" in str(cu.progress())


def test_where_the_file_lies(monkeypatch, tmp_path):
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    expected = tmp_path / "hub-and-heavyweights" / "progress.json"
    assert progress_file.progress_path() == expected
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert progress_file.progress_path() == tmp_path / ".local/share" / expected.relative_to(
        tmp_path
    )


NAMED = '{"kind": "hub-and-heavyweights progress", "version": 1, "exercises": '
GARBAGE = [
    b"", b"\0" * 100, b"\xff\xfe", b"{", b"[]", b"null", b"3", b"[" * 100_000, b'{"a": 1}',
    *(f"{NAMED}{exercises}}}".encode() for exercises in (
        "3", "[]", '{"05.1": 3}', '{"05.1": {"outcome": "great"}}', '{"x": {}}',
        '{"05.1": {"attempts": -1}}', '{"05.1": {"attempts": 1e999}}', '{"05.1": {"hints": true}}',
        '{"05.1": {"right_at": 5}}', '{"05.1": {"outcome": []}}', '{"\\ud800.1": {}}',
        '{"05.1": {"attempts": ' + "9" * 5000 + "}}")),
]  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_kept_aside_and_the_learner_told(garbage, progress_at):
    progress_at.parent.mkdir()
    progress_at.write_bytes(garbage)
    report = cu.check_answer("90.1", "28 GB")
    assert report.is_right
    (aside,) = progress_at.parent.glob("progress.json.broken-*")
    assert aside.read_bytes() == garbage
    assert str(aside) in str(report) and "fresh one" in str(report)
    assert not cu.check_answer("90.1", "28 GB").notes
    assert cu.progress().exercises["90.1"].attempts == 2


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "progress.json"
    path.write_bytes(content)
    with pytest.raises(ValueError):
        progress_file.read_file(path)


def test_a_file_of_a_newer_course_is_left_alone(progress_at):
    progress_at.parent.mkdir()
    newer = NAMED.replace("1", "2") + "{}}"
    progress_at.write_text(newer)
    assert "newer version" in str(cu.check_answer("90.1", "28 GB"))
    assert progress_at.read_text() == newer


@pytest.mark.parametrize("place", ["/proc/no/progress.json", "/dev/null", "/dev/null/p", "{}"])
def test_where_nothing_can_be_saved_answers_are_still_judged(place, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_PROGRESS", place.format(tmp_path))
    report = cu.check_answer("90.1", "28 GB")
    assert report.is_right
    assert "progress could not be saved" in str(report)
    assert [cu.hint("90.1").number for _ in range(2)] == [1, 2]
    assert cu.progress().right == 1


def test_a_full_disk_is_told_and_made_up_for_later(progress_at, monkeypatch):
    cu.check_answer("90.2", "nf4")
    before = progress_at.read_text()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert "No space left" in str(cu.check_answer("90.1", "28 GB"))
        assert progress_at.read_text() == before
        assert list(progress_at.parent.iterdir()) == [progress_at]
    assert not cu.progress().notes
    assert '"90.1"' in progress_at.read_text()


def test_a_write_cut_short_by_the_system_leaves_the_old_file(progress_at, run_python):
    resource = pytest.importorskip("resource")
    cu.check_answer("90.2", "nf4")
    before = progress_at.read_text()
    code = f"""
import resource
from course_utils.exercises import progress_file
from course_utils.exercises.progress_file import Record
resource.setrlimit(resource.RLIMIT_FSIZE, (100, {resource.RLIM_INFINITY}))
print(progress_file.update(lambda records: {{**records, "05.1": Record("right")}}).notes)
"""
    assert "could not be saved" in run_python(code).stdout
    assert progress_at.read_text() == before
    assert list(progress_at.parent.iterdir()) == [progress_at]


SAVING = """
from course_utils.exercises import progress_file
from course_utils.exercises.progress_file import Record
print("ready", flush=True)
while True:
    progress_file.update(lambda records: {
        f"05.{n}": records.get(f"05.{n}", Record()).tried("wrong") for n in range(1, 90)})
"""


def test_a_kill_in_mid_write_leaves_a_good_file(progress_at):
    attempts = 0
    for wait in (0.01, 0.03, 0.05, 0.08, 0.1):
        writer = subprocess.Popen([sys.executable, "-c", SAVING], stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(0.1 + wait)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        records = progress_file.read_file(progress_at)
        assert len(records) == 89
        assert records["05.1"].attempts > attempts
        attempts = records["05.1"].attempts
    for left in progress_at.parent.glob("*.tmp"):
        os.utime(left, (0, 0))
    cu.check_answer("90.1", 3)
    assert list(progress_at.parent.iterdir()) == [progress_at]


def test_two_kernels_do_not_lose_each_others_progress(progress_at):
    code = SAVING.replace("while True", "for _ in range(40)")
    progress_at.parent.mkdir()
    kernels = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [kernel.wait() for kernel in kernels] == [0, 0, 0]
    assert progress_file.read_file(progress_at)["05.1"].attempts == 120


def test_export_and_merge(progress_at, tmp_path):
    cu.check_answer("90.1", "28 GB")
    cu.check_answer("90.2", "fp4")
    copied = cu.progress().export(tmp_path)
    assert copied == tmp_path / "hub-and-heavyweights-progress.json"
    cu.progress().export(copied)
    progress_at.unlink()
    cu.check_answer("90.2", "nf4")
    merged = cu.merge_progress(copied)
    assert {key for key, one in merged.exercises.items() if one.outcome == "right"} == {
        "90.1",
        "90.2",
    }
    assert cu.merge_progress(str(tmp_path)).exercises == merged.exercises


def test_export_and_merge_refuse_what_is_no_progress_file(tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("long")
    with pytest.raises(cu.CourseError, match="no progress file"):
        cu.progress().export(thesis)
    with pytest.raises(cu.CourseError, match="no progress file"):
        cu.merge_progress(thesis)
    assert thesis.read_text() == "long"
    for bad in (tmp_path / "none.json", 3, None, "/proc/no/p.json"):
        with pytest.raises(cu.CourseError):
            cu.merge_progress(bad)
    with pytest.raises(cu.CourseError, match="could not be written"):
        cu.progress().export("/proc/no/p.json")


def test_on_colab_the_learner_is_told_to_take_a_copy(monkeypatch):
    monkeypatch.setattr("course_utils.session.colab.on_colab", lambda: True)
    assert "cu.merge_progress(path)" in str(cu.progress())


TIMES = st.none() | st.datetimes().map(lambda at: at.strftime("2026-%m-%dT%H:%M:%SZ"))
RECORDS = st.dictionaries(
    st.sampled_from(["05.1", "05.2", "06.1"]),
    st.builds(
        Record,
        outcome=st.sampled_from(OUTCOMES),
        attempts=st.integers(0, 9),
        hints=st.integers(0, 3),
        right_at=TIMES,
        solution_at=TIMES,
    ),
)


@given(RECORDS, RECORDS, RECORDS)
def test_merging_in_any_order_and_twice_gives_the_same(a, b, c):
    merge = progress_file.merge
    assert merge(a, b) == merge(b, a)
    assert merge(a, merge(b, c)) == merge(merge(a, b), c)
    assert merge(merge(a, b), b) == merge(a, b)


@given(RECORDS)
def test_what_is_written_reads_back(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("kept") / "progress.json"
    progress_file.write_file(path, records)
    assert progress_file.read_file(path) == records
