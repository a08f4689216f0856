"""The progress file: one JSON file of the learner's own. No account, no network.

It is replaced in one step, so a kernel killed in mid-write leaves the old one. What is not a
progress file is kept aside. Where nothing can be saved, this kernel still remembers.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from course_utils.exercises.checkers.judgement import EXERCISE_ID, OUTCOMES

KIND = "hub-and-heavyweights progress"
VERSION = 2
# What the exercises of an older version's file are called in the next one, all at once.
RENUMBERED = {
    1: {"05.3": "09.1", "09.1": "10.1", "09.2": "10.2", "09.3": "10.3"},
}
LARGEST_FILE = 5_000_000
LARGEST_COUNT = 10**9
LOCK_SECONDS = 2.0
STALE_SECONDS = 60.0
TIME = "%Y-%m-%dT%H:%M:%SZ"
TIME_SHAPE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True)
class Record:
    """What is known about one exercise. Times are UTC; the first time is the one that is kept."""

    outcome: str = OUTCOMES[0]
    attempts: int = 0
    hints: int = 0
    right_at: str | None = None
    solution_at: str | None = None

    def merged(self, other: Record) -> Record:
        """The best of both. Merging the same twice changes nothing."""
        return Record(
            outcome=max(self.outcome, other.outcome, key=OUTCOMES.index),
            attempts=max(self.attempts, other.attempts),
            hints=max(self.hints, other.hints),
            right_at=_earlier(self.right_at, other.right_at),
            solution_at=_earlier(self.solution_at, other.solution_at),
        )

    def tried(self, outcome: str) -> Record:
        right_at = now() if outcome == "right" else None
        counted = replace(self, attempts=min(self.attempts + 1, LARGEST_COUNT))
        return counted.merged(Record(outcome=outcome, right_at=right_at))


Records = dict[str, Record]


@dataclass
class Saved:
    """The records after a change, where they are kept, and what the learner should be told."""

    path: Path | None
    records: Records
    notes: list[str] = field(default_factory=list)


def now() -> str:
    return datetime.now(UTC).strftime(TIME)


def merge(one: Records, other: Records) -> Records:
    return {
        exercise_id: one.get(exercise_id, Record()).merged(other.get(exercise_id, Record()))
        for exercise_id in sorted({*one, *other})
    }


def progress_path() -> Path:
    """``COURSE_PROGRESS``, or its place among the user's data files."""
    named = os.environ.get("COURSE_PROGRESS", "").strip()
    data = os.environ.get("XDG_DATA_HOME", "")
    try:
        if named:
            return Path(os.path.realpath(Path(named).expanduser()))
        root = Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share"
    except (RuntimeError, ValueError) as error:
        raise OSError(f"no home folder: {error}") from error
    return Path(os.path.realpath(root / "hub-and-heavyweights" / "progress.json"))


_unsaved: dict[Path | None, Records] = {}
_thread_lock = threading.Lock()


def update(change: Callable[[Records], Records]) -> Saved:
    """Read the file, change the records, replace the file. Errors of the disk are not raised."""
    with _thread_lock:
        try:
            path = progress_path()
        except OSError as error:
            return _remember(None, change(_unsaved.get(None, {})), error)
        with _one_kernel_at_a_time(path):
            return _update_file(path, change)


def _update_file(path: Path, change: Callable[[Records], Records]) -> Saved:
    remembered = _unsaved.get(path, {})
    notes = []
    on_disk: Records | None = {}
    try:
        on_disk = read_file(path) if os.path.lexists(path) else {}
    except ValueError as error:
        try:
            notes.append(_keep_aside(path, str(error)))
        except OSError as problem:
            return _remember(path, change(remembered), problem)
        on_disk = None
    except OSError as error:
        return _remember(path, change(remembered), error)
    records = change(merge(on_disk or {}, remembered))
    if records != on_disk:
        try:
            write_file(path, records)
        except OSError as error:
            return _remember(path, records, error, notes)
    _unsaved.pop(path, None)
    return Saved(path, records, notes)


def _remember(
    path: Path | None, records: Records, error: OSError, notes: list[str] | None = None
) -> Saved:
    _unsaved[path] = records
    reason = error.strerror or str(error)
    where = f" in {path}" if path else ""
    words = f"progress could not be saved{where}: {reason}. This kernel remembers it until it ends"
    return Saved(path, records, [*(notes or []), words])


def _keep_aside(path: Path, reason: str) -> str:
    aside = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}")
    path.rename(aside)
    return f"{path.name} was no progress file ({reason}); it is kept as {aside}, a fresh one begun"


def read_file(path: Path) -> Records:
    """The records in a progress file, under today's numbers.

    Raises:
        ValueError: it is something else.
        OSError: it cannot be read, or another version of the course wrote it.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is not a file")
    if found.st_size > LARGEST_FILE:
        raise ValueError("it is far too large")
    try:
        content = json.loads(path.read_bytes().decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested without end") from error
    except ValueError as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise ValueError("it is JSON of some other kind")
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise OSError("a newer version of the course wrote it")
    exercises = content.get("exercises")
    if not isinstance(exercises, dict):
        raise ValueError("it lists no exercises")
    records = {exercise_id: _record(exercise_id, value) for exercise_id, value in exercises.items()}
    return renumbered(records, version if type(version) is int and version > 0 else 1)


def renumbered(records: Records, version: int) -> Records:
    """The records of a file of this version under today's numbers. None is dropped."""
    for older in range(version, VERSION):
        called: Records = {}
        for exercise_id, record in records.items():
            name = RENUMBERED[older].get(exercise_id, exercise_id)
            called[name] = called.get(name, Record()).merged(record)
        records = called
    return records


def write_file(path: Path, records: Records) -> None:
    """Replace the file in one step: a reader sees the old one or the new one."""
    if path.exists() and not os.access(path, os.W_OK):
        raise OSError("the file is read-only")
    exercises = {exercise_id: asdict(record) for exercise_id, record in sorted(records.items())}
    content = {"kind": KIND, "version": VERSION, "exercises": exercises}
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _sweep(path: Path) -> None:
    """Remove what kernels killed in mid-write left behind."""
    for entry in path.parent.iterdir():
        left = entry.name.startswith(f"{path.name}.") and entry.name.endswith(".tmp")
        with contextlib.suppress(OSError):
            if left and time.time() - entry.stat().st_mtime > STALE_SECONDS:
                entry.unlink()


@contextlib.contextmanager
def _one_kernel_at_a_time(path: Path) -> Iterator[None]:
    """Two notebooks must not overwrite each other's change: ``progress.json.lock`` is held.

    Where nothing can be locked, or another kernel holds on for too long, it goes on without.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_SECONDS)
    lockable = path.is_file() or not os.path.lexists(path)
    with contextlib.suppress(OSError, NotImplementedError):  # filelock's Timeout is an OSError
        if lockable:
            lock.acquire(poll_interval=0.01)
    try:
        yield
    finally:
        lock.release()


def _record(exercise_id: str, value: Any) -> Record:
    if not EXERCISE_ID.fullmatch(exercise_id) or not isinstance(value, dict):
        raise ValueError("an exercise in it is not readable")
    known = {entry.name for entry in fields(Record)}
    record = Record(**{key: part for key, part in value.items() if key in known})
    good = (
        record.outcome in OUTCOMES
        and all(_is_count(number) for number in (record.attempts, record.hints))
        and all(_is_time(text) for text in (record.right_at, record.solution_at))
    )
    if not good:
        raise ValueError("an exercise in it is not readable")
    return record


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_COUNT


def _is_time(value: Any) -> bool:
    return value is None or (isinstance(value, str) and bool(TIME_SHAPE.fullmatch(value)))


def _earlier(one: str | None, other: str | None) -> str | None:
    return min((time for time in (one, other) if time is not None), default=None)
