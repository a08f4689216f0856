"""What ``explain_error`` returns, and how a row's words are filled with a traceback's facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from course_utils.curriculum import Lesson, curriculum
from course_utils.explain.failures import Match
from course_utils.explain.trace import Frame, Link, Trace
from course_utils.report import Report
from course_utils.session.place import restart_words
from course_utils.text import shorten

ORDER = ("first", "second", "third", "fourth", "fifth", "sixth")
SHOWN = 200  # characters of an error's own words
SEARCHED = 12  # words of a message that a search engine can use

FACT = re.compile(r"\{(\w+)(?:\|([^}]*))?\}")
NOT_FOR_A_SEARCH = re.compile(
    r"""https?://\S+ | \(Request\ ID:[^)]*\) | (?<!\w)(?:[A-Za-z]:\\|~?/)[^\s'"]+ | \S*hf_…\S*
    | \b[0-9a-f]{8,}\b | \b[\w.-]+/[\w.-]+\b | 0x[0-9a-f]+ | \b\d[\d.,:]*\b | ['"`…<>]""",
    re.VERBOSE | re.IGNORECASE,
)
REQUEST_ID = re.compile(r"\(Request ID:[^)]*\)\s*")
LIBRARY = re.compile(r"(?:site|dist)-packages[/\\]([A-Za-z_]\w*)")


@dataclass(frozen=True, repr=False)
class Explanation(Report):
    """What an error means and what to do. ``name`` is the row's, "unknown" where none speaks of it.

    ``error`` is the class and its message, ``steps`` stand in the order to try them, ``evidence``
    are the lines of the traceback that told, ``lesson`` is the notebook that teaches it, and
    ``search`` is what to look for where the table does not know the error. No field holds a token.
    """

    name: str
    error: str
    what: str
    why: str
    steps: tuple[str, ...]
    evidence: tuple[str, ...]
    lesson: str | None
    search: str | None = None

    @property
    def known(self) -> bool:
        return self.search is None

    def title(self) -> str:
        return self.what

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "error", self.error
        if self.why:
            yield "why", self.why
        yield from zip(ORDER, self.steps, strict=False)
        if self.lesson:
            yield "notebook", self.lesson
        for number, line in enumerate(self.evidence):
            yield "told by" if number == 0 else "", line
        if self.search:
            yield "search for", self.search


def known(match: Match, trace: Trace) -> Explanation:
    row, facts = match.failure, {"restart": restart_words(), **match.facts}
    lesson = taught_in(row.lesson)
    return Explanation(
        name=row.name,
        error=_shown(trace.links[0]),
        what=_sentence(row.what, facts),
        why=" ".join(_sentence(one, facts) for one in row.why if _complete(one, facts)),
        steps=tuple(_sentence(one, facts) for one in row.do if _complete(one, facts)),
        evidence=match.evidence,
        lesson=f"{lesson.number} {lesson.title}",
    )


def unknown(trace: Trace) -> Explanation:
    """The honest answer: no row knows this, and here is what to look for."""
    link = trace.links[-1] if not trace.links[0].message else trace.links[0]
    frame = _library_frame(trace)
    library = LIBRARY.search(frame.place) if frame else None
    words = NOT_FOR_A_SEARCH.sub(" ", link.message.strip().partition("\n")[0]).split()[:SEARCHED]
    steps = [
        "Read the last line of the traceback, then go up to the last line of code that is yours.",
        "Look up the words below in the library's issues, and compare versions.",
        "To ask somebody: the whole traceback, the versions and the shortest code that shows it. "
        "Never a token.",
    ]
    return Explanation(
        name="unknown",
        error=_shown(trace.links[0]),
        what="This is not one I know.",
        why="It matches no row of the course's table, so anything more would be a guess.",
        steps=tuple(steps),
        evidence=(shorten(frame.shown(), SHOWN),) if frame else (),
        lesson=None,
        search=" ".join(filter(None, [library[1] if library else "", link.name, *words])),
    )


def taught_in(lesson: str) -> Lesson:
    """The notebook of that name, whatever its number.

    Raises:
        LookupError: the course has no such notebook.
    """
    for one in curriculum().lessons:
        if one.name.partition("_")[2] == lesson:
            return one
    raise LookupError(f"The course has no notebook {lesson!r}.")


def _sentence(text: str, facts: Mapping[str, str]) -> str:
    filled = FACT.sub(lambda found: facts.get(found[1]) or found[2] or "", text)
    return filled[:1].upper() + filled[1:] if text.startswith("{restart") else filled


def _complete(text: str, facts: Mapping[str, str]) -> bool:
    """Whether each fact that the sentence names was found, or has words in its place."""
    return all(found[2] is not None or found[1] in facts for found in FACT.finditer(text))


def _shown(link: Link) -> str:
    message = REQUEST_ID.sub("", link.message)
    return shorten(f"{link.name}: {message}" if message else link.name, SHOWN)


def _library_frame(trace: Trace) -> Frame | None:
    """The innermost line of code that belongs to an installed library."""
    inside = [frame for frame in trace.links[0].frames if LIBRARY.search(frame.place)]
    return inside[-1] if inside else None
