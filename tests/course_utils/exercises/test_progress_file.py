"""The progress file: replaced in one step, locked, kept aside when it is garbage."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

import course_utils as cu
from course_utils.exercises import declared, progress_file
from course_utils.exercises.checkers.judgement import EXERCISE_ID, OUTCOMES
from course_utils.exercises.progress_file import Record


def files_of(folder: Path) -> list[Path]:
    """All but the lock, which stays beside the file that it is for."""
    return [path for path in folder.iterdir() if path.suffix != ".lock"]


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
    newer = NAMED.replace("1", str(progress_file.VERSION + 1)) + "{}}"
    progress_at.write_text(newer)
    assert "newer version" in str(cu.check_answer("90.1", "28 GB"))
    assert progress_at.read_text() == newer


VERSION_1 = (
    Path(__file__).parent / "progress_version_1.json"
)  # as the course of ten notebooks wrote


def written_in_version_1() -> dict[str, Record]:
    exercises = json.loads(VERSION_1.read_text())["exercises"]
    return {exercise_id: Record(**found) for exercise_id, found in exercises.items()}


def test_a_file_of_version_1_is_read_under_todays_numbers():
    before, after = written_in_version_1(), progress_file.read_file(VERSION_1)
    assert after == {
        "05.1": before["05.1"],
        "05.2": before["05.2"],
        "08.2": before["08.2"],
        "09.1": before["05.3"],
        "10.1": before["09.1"],
        "10.2": before["09.2"],
        "10.3": before["09.3"],
    }


@pytest.mark.parametrize("version", [None, 0, -3, True, "1", 1.5])
def test_a_file_whose_version_says_nothing_is_read_as_the_oldest(tmp_path, version):
    content = json.loads(VERSION_1.read_text()) | {"version": version}
    path = tmp_path / "progress.json"
    path.write_text(json.dumps(content))
    assert progress_file.read_file(path) == progress_file.read_file(VERSION_1)


def test_renumbering_is_done_once_however_often_the_file_is_read_and_merged(progress_at):
    expected = progress_file.read_file(VERSION_1)
    progress_at.parent.mkdir()
    shutil.copy(VERSION_1, progress_at)
    for _ in range(3):
        report = cu.progress()
        assert {name: report.exercises[name] for name in expected} == expected
    assert "10.1 right" in str(report) and "05.3 not attempted" in str(report)
    cu.check_answer("90.1", "28 GB")
    assert json.loads(progress_at.read_text())["version"] == progress_file.VERSION
    for _ in range(2):
        cu.merge_progress(VERSION_1)
        kept = progress_file.read_file(progress_at)
        assert {name: one for name, one in kept.items() if name != "90.1"} == expected
    assert not list(progress_at.parent.glob("*.broken-*"))


def test_the_new_exercise_under_an_old_number_is_another_one(progress_at):
    progress_at.parent.mkdir()
    shutil.copy(VERSION_1, progress_at)
    assert cu.check_answer("05.3", 1).outcome == "wrong"
    kept = progress_file.read_file(progress_at)
    assert (kept["05.3"].outcome, kept["09.1"].outcome) == ("wrong", "right")


def test_every_step_is_there_and_leads_to_exercises_that_exist():
    assert list(progress_file.RENUMBERED) == list(range(1, progress_file.VERSION))
    newest = progress_file.RENUMBERED[progress_file.VERSION - 1]
    assert set(newest.values()) <= set(declared.registered())
    for step in progress_file.RENUMBERED.values():
        assert len(set(step.values())) == len(step)
        assert all(EXERCISE_ID.fullmatch(name) for name in (*step, *step.values()))


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
        assert files_of(progress_at.parent) == [progress_at]
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
    assert files_of(progress_at.parent) == [progress_at]


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
    assert files_of(progress_at.parent) == [progress_at]


def test_two_kernels_do_not_lose_each_others_progress(progress_at):
    code = SAVING.replace("while True", "for _ in range(40)")
    kernels = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [kernel.wait() for kernel in kernels] == [0, 0, 0]
    assert progress_file.read_file(progress_at)["05.1"].attempts == 120


def test_a_kernel_that_holds_on_for_too_long_is_not_waited_for(progress_at, monkeypatch):
    monkeypatch.setattr(progress_file, "LOCK_SECONDS", 0.05)
    with FileLock(f"{progress_at}.lock"):
        assert cu.check_answer("90.1", "28 GB").is_right
    assert progress_file.read_file(progress_at)["90.1"].outcome == "right"


TIMES = st.none() | st.datetimes().map(lambda at: at.strftime("2026-%m-%dT%H:%M:%SZ"))
ANY_RECORD = st.builds(
    Record,
    outcome=st.sampled_from(OUTCOMES),
    attempts=st.integers(0, 9),
    hints=st.integers(0, 3),
    right_at=TIMES,
    solution_at=TIMES,
)
RECORDS = st.dictionaries(st.sampled_from(["05.1", "05.2", "06.1"]), ANY_RECORD)


@given(RECORDS, RECORDS, RECORDS)
def test_merging_in_any_order_and_twice_gives_the_same(a, b, c):
    merge = progress_file.merge
    assert merge(a, b) == merge(b, a)
    assert merge(a, merge(b, c)) == merge(merge(a, b), c)
    assert merge(merge(a, b), b) == merge(a, b)


@given(st.dictionaries(st.sampled_from(["05.3", "09.1", "09.2", "10.1", "06.1"]), ANY_RECORD))
def test_no_record_of_version_1_is_lost(records):
    now = progress_file.renumbered(records, 1)
    for exercise_id, record in records.items():
        name = progress_file.RENUMBERED[1].get(exercise_id, exercise_id)
        assert now[name].merged(record) == now[name]
    assert progress_file.renumbered(now, progress_file.VERSION) == now


@given(RECORDS)
def test_what_is_written_reads_back(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("kept") / "progress.json"
    progress_file.write_file(path, records)
    assert progress_file.read_file(path) == records
