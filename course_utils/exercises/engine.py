"""The public face: check_answer, hint, solution, progress, merge_progress."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_utils.errors import CourseError
from course_utils.exercises import declared, progress_file
from course_utils.exercises.checkers.judgement import YOUR_ANSWER
from course_utils.exercises.progress_file import Record, Records
from course_utils.report import Report
from course_utils.session import colab

EXPORT_NAME = "hub-and-heavyweights-progress.json"
TITLES = {
    "right": "right",
    "wrong": "not yet",
    "not attempted": "not attempted",
    "crashed": "your code raised an error",
}


@dataclass(frozen=True, repr=False)
class AnswerReport(Report):
    """``outcome``: "right", "wrong", "not attempted" or "crashed".

    ``mistake`` names a mistake that was recognized, for programs.
    """

    exercise: str
    outcome: str
    feedback: str
    mistake: str | None
    next_step: str
    notes: tuple[str, ...] = ()

    @property
    def is_right(self) -> bool:
        return self.outcome == "right"

    def title(self) -> str:
        return f"Exercise {self.exercise}: {TITLES[self.outcome]}"

    def rows(self) -> Iterator[tuple[str, str]]:
        if self.feedback:
            yield "feedback", self.feedback
        if self.next_step:
            yield "next", self.next_step
        for note in self.notes:
            yield "note", note


@dataclass(frozen=True, repr=False)
class HintReport(Report):
    """Hint ``number`` of ``of``, counted from 1."""

    exercise: str
    number: int
    of: int
    text: str
    next_step: str
    notes: tuple[str, ...] = ()

    def title(self) -> str:
        return f"Exercise {self.exercise}: hint {self.number} of {self.of}"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "hint", self.text
        yield "next", self.next_step
        for note in self.notes:
            yield "note", note


@dataclass(frozen=True, repr=False)
class SolutionReport(Report):
    exercise: str
    ask: str
    text: str
    notes: tuple[str, ...] = ()

    def title(self) -> str:
        return f"Exercise {self.exercise}: solution"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "asked", self.ask
        for number, line in enumerate(self.text.strip().splitlines()):
            yield "" if number else "solution", line
        for note in self.notes:
            yield "note", note

    def _repr_html_(self) -> str:
        asked = f"<p><b>{html.escape(self.title())}</b></p><p>{html.escape(self.ask)}</p>"
        text = f'<pre style="white-space:pre-wrap">{html.escape(self.text.strip())}</pre>'
        return asked + text + "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)


@dataclass(frozen=True, repr=False)
class ProgressReport(Report):
    """``exercises`` maps an id to what is known of it; ``path`` is the file, None without one."""

    exercises: Records
    path: str | None
    notes: tuple[str, ...] = ()

    @property
    def right(self) -> int:
        return sum(record.outcome == "right" for record in self.exercises.values())

    def title(self) -> str:
        return f"Progress: {self.right} of {len(self.exercises)} exercises right"

    def rows(self) -> Iterator[tuple[str, str]]:
        lessons: dict[str, list[str]] = {}
        for exercise_id, record in sorted(self.exercises.items(), key=_in_order):
            lesson = exercise_id.split(".")[0]
            lessons.setdefault(lesson, []).append(f"{exercise_id} {_in_words(record)}")
        for lesson, states in lessons.items():
            yield f"lesson {lesson}", "; ".join(states)
        yield "file", self.path or "none"
        for note in self.notes:
            yield "note", note

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write a copy to carry to another machine, where ``cu.merge_progress(path)`` takes it in.

        Raises:
            CourseError: it cannot be written there, or a file that is no progress file is there.
        """
        target = _path(path)
        try:
            target = target / EXPORT_NAME if target.is_dir() else target
            if os.path.lexists(target):
                progress_file.read_file(target)
            tried = {key: found for key, found in self.exercises.items() if found != Record()}
            progress_file.write_file(target, tried)
        except OSError as error:
            reason = error.strerror or error
            raise CourseError(f"The copy could not be written to {target}: {reason}.") from error
        except ValueError as error:
            raise CourseError(f"{target} is there and is no progress file: {error}.") from error
        return target


def check_answer(exercise_id: str, answer: Any = YOUR_ANSWER) -> AnswerReport:
    """Judge an answer: right, wrong, not attempted, or crashed.

    Raises:
        CourseError: there is no such exercise, or the Hub that must be asked gives no answer.
    """
    exercise = declared.find(exercise_id)
    judgement = exercise.judge(answer)
    notes: tuple[str, ...] = ()
    if judgement.outcome != "not attempted":
        notes = _note(exercise.id, lambda record: record.tried(judgement.outcome))[1]
    return AnswerReport(
        exercise=exercise.id,
        outcome=judgement.outcome,
        feedback=judgement.feedback,
        mistake=judgement.mistake,
        next_step=_next_step(exercise.id, judgement.outcome),
        notes=notes,
    )


def hint(exercise_id: str, number: int | None = None) -> HintReport:
    """The next hint, each a step further than the one before; or hint ``number``, from 1.

    Raises:
        CourseError: there is no such exercise or hint.
    """
    exercise = declared.find(exercise_id)
    last = len(exercise.hints)
    if number is not None and (type(number) is not int or not 1 <= number <= last):
        raise CourseError(f"Exercise {exercise.id} has hints 1 to {last}.")

    def shown(record: Record) -> Record:
        reached = min(record.hints + 1, last) if number is None else max(record.hints, number)
        return replace(record, hints=reached)

    record, notes = _note(exercise.id, shown)
    stage = number or min(record.hints, last)
    more = f'cu.hint("{exercise.id}") shows the next hint'
    over = f'that was the last hint; cu.solution("{exercise.id}") shows the solution'
    return HintReport(
        exercise=exercise.id,
        number=stage,
        of=last,
        text=exercise.hints[stage - 1],
        next_step=more if stage < last else over,
        notes=notes,
    )


def solution(exercise_id: str) -> SolutionReport:
    """The solution, worked out. Progress notes that it was seen.

    Raises:
        CourseError: there is no such exercise, or its numbers cannot be computed here.
    """
    exercise = declared.find(exercise_id)
    text = exercise.solution_text()
    seen = Record(solution_at=progress_file.now())
    notes = _note(exercise.id, lambda record: record.merged(seen))[1]
    return SolutionReport(exercise=exercise.id, ask=exercise.ask, text=text, notes=notes)


def progress() -> ProgressReport:
    """How far this learner is. ``.export(path)`` writes a copy to take along."""
    return _report(progress_file.update(lambda records: records))


def merge_progress(path: str | os.PathLike[str]) -> ProgressReport:
    """Take in an exported copy: of each exercise the best outcome and the earliest time are kept.

    Raises:
        CourseError: there is no progress file at ``path``. Nothing is changed then.
    """
    source = _path(path)
    try:
        source = source / EXPORT_NAME if source.is_dir() else source
        taken = progress_file.read_file(source)
    except OSError as error:
        raise CourseError(f"{source} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise CourseError(f"{source} is no progress file: {error}.") from error
    return _report(progress_file.update(lambda records: progress_file.merge(records, taken)))


def _note(exercise_id: str, change: Callable[[Record], Record]) -> tuple[Record, tuple[str, ...]]:
    def changed(records: Records) -> Records:
        return {**records, exercise_id: change(records.get(exercise_id, Record()))}

    saved = progress_file.update(changed)
    return saved.records[exercise_id], tuple(saved.notes)


def _report(saved: progress_file.Saved) -> ProgressReport:
    notes = list(saved.notes)
    if colab.on_colab():
        notes.append(
            "this machine and the file on it will vanish: cu.progress().export(path) writes a copy "
            "to keep, cu.merge_progress(path) takes it in again"
        )
    known = {exercise_id: Record() for exercise_id in declared.registered()}
    return ProgressReport(
        exercises=progress_file.merge(known, saved.records),
        path=str(saved.path) if saved.path else None,
        notes=tuple(notes),
    )


def _next_step(exercise_id: str, outcome: str) -> str:
    if outcome == "right":
        return ""
    if outcome == "not attempted":
        return f'put your answer in place of cu.YOUR_ANSWER; cu.hint("{exercise_id}") helps'
    return f'mend it and run the cell again; cu.hint("{exercise_id}") helps'


def _in_words(record: Record) -> str:
    if record.outcome == "right" and record.solution_at:
        seen_before = not record.right_at or record.solution_at <= record.right_at
        return "right, after the solution" if seen_before else "right"
    return record.outcome


def _in_order(item: tuple[str, Record]) -> tuple[int, ...]:
    return tuple(int(part) for part in item[0].split("."))


def _path(path: str | os.PathLike[str]) -> Path:
    try:
        return Path(path).expanduser()
    except (TypeError, ValueError, RuntimeError) as error:
        raise CourseError(f"A path is text, such as {EXPORT_NAME!r}: {error}.") from error
