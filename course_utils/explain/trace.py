"""What went wrong, as a chain of links: the error that was shown, and those that led to it.

A trace is made from an exception or from a pasted traceback. Secrets are masked on the way in, so
nothing behind this file ever sees one.
"""

from __future__ import annotations

import builtins
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from textwrap import dedent

from course_utils.explain.secrets import mask_secrets

MOST_LINKS = 40
LONGEST_MESSAGE = 20_000  # characters; a checkpoint that does not match names every weight


@dataclass(frozen=True)
class Frame:
    """A line of code on the way to the error: "file, in function" and the code itself."""

    place: str
    code: str

    def __str__(self) -> str:
        return f"{self.place}: {self.code}" if self.code else self.place

    def shown(self) -> str:
        """The same without the folders of a machine: "transformers/modeling_utils.py, in …"."""
        return IN_PACKAGES.sub("", str(self))


IN_PACKAGES = re.compile(
    r"^.*?(?:site|dist)-packages[/\\]|^(?:~|/|[A-Za-z]:).*[/\\](?=[^/\\]+, in )"
)


@dataclass(frozen=True)
class Link:
    """One error of the chain. ``types`` are the names of its class and of the classes above it."""

    type: str
    types: tuple[str, ...]
    message: str
    frames: tuple[Frame, ...] = ()

    @property
    def name(self) -> str:
        """The class without its module, as tracebacks of notebooks show it."""
        return self.type.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(frozen=True)
class Trace:
    """``links[0]`` is the error that was shown last; each is followed by what led to it."""

    links: tuple[Link, ...]

    @property
    def messages(self) -> str:
        return "\n".join(str(link) for link in self.links)

    @property
    def frames(self) -> tuple[Frame, ...]:
        return tuple(frame for link in self.links for frame in link.frames)


# -- from an exception -------------------------------------------------------------------------


def of_exception(error: BaseException) -> Trace:
    return _trace([_link(one) for one in _chain(error)])


def _trace(links: list[Link]) -> Trace:
    """With the tracebacks that a message quotes as links of their own: pipeline() wraps so."""
    return Trace(tuple(part for link in links for part in _unfolded(link))[:MOST_LINKS])


def _unfolded(link: Link) -> list[Link]:
    if not link.type:
        return [link]
    own, *quoted = link.message.split(HEAD)
    inner = [_parsed(text.lstrip(": ").split("\n")) for text in quoted]
    return [replace(link, message=own.strip()), *(one for one in inner if one.type)]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those behind it, nearest first, as Python shows them; each once."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < MOST_LINKS:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        if one.__cause__ is not None:
            waiting.append(one.__cause__)
        elif one.__context__ is not None and not one.__suppress_context__:
            waiting.append(one.__context__)


def _link(error: BaseException) -> Link:
    kind = type(error)
    return Link(
        type=_full_name(kind),
        types=tuple(base.__name__ for base in kind.__mro__ if base is not object),
        message=mask_secrets(_message(error))[:LONGEST_MESSAGE],
        frames=tuple(
            Frame(f"{frame.filename}, in {frame.name}", mask_secrets(frame.line or ""))
            for frame in traceback.extract_tb(error.__traceback__)
        ),
    )


def _full_name(kind: type[BaseException]) -> str:
    inner = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if inner else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # a class whose own __str__ fails has no message
        text = ""
    return "\n".join([text, *getattr(error, "__notes__", ())])


# -- from a pasted traceback -------------------------------------------------------------------

COLOURS = re.compile(r"(?:\x1b|\\x1b|\\u001b|\\033|␛)?\[\d*(?:;\d+)*m|\x1b\[[0-9;?]*[A-Za-z]")
HEAD = "Traceback (most recent call last)"
DIRECT = "The above exception was the direct cause of the following exception:"
MEANWHILE = "During handling of the above exception, another exception occurred:"

# What a log writes before each line.
STAMP = re.compile(
    r"^(?:[\w-]+\s*\|\s+)?"  # the name of a container
    r"[\[(]?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?[\])]?"
    r"(?:\s(?:std(?:out|err)\s[FP]|\[?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\]?:?)(?=\s))?\s?"
)
ERROR_LINE = re.compile(r"^(?P<type>[A-Za-z_]\w*(?:\.\w+)*)(?::(?:\s(?P<message>.*))?)?$")
KNOWN_ENDINGS = re.compile(
    r"(?:Error|Exception|Exit|Interrupt|Warning|Timeout|Timedout|NotFound|Refused|Failure)$"
)
FRAME_LINES = (
    re.compile(r'^\s*File "(?P<file>[^"]+)", line \d+(?:, in (?P<function>.+))?$'),
    re.compile(r"^File (?P<file>\S.*?):\d+(?:, in (?P<function>.+))?$"),
    re.compile(r"^(?P<file>(?:Cell|Input) In ?\[\d+\])(?:, (?:in )?(?P<function>.+))?$"),
    re.compile(r"^(?P<file>(?:[/~<]|[A-Za-z]:\\)\S+) in (?P<function>.+)$"),
)
ARROW = re.compile(r"^-+> ?\d+ ?(?P<code>.*)$")


def of_text(text: str) -> Trace:
    """The chain in a pasted traceback: of Python, a notebook, or a log; its top may be cut off."""
    blocks = _blocks(plain(text).split("\n"))
    links = [_parsed(block) for block in blocks]
    return _trace(links[::-1])


def plain(text: str) -> str:
    """The text without colours, secrets, Windows' line ends, and what a log wrote before lines."""
    lines = COLOURS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    lines = _without_prefix(lines)
    return mask_secrets(dedent("\n".join(line.rstrip() for line in lines))).strip("\n")


def _without_prefix(lines: list[str]) -> list[str]:
    prefix = _prefix(lines)
    if prefix is None:
        stamped = sum(bool(STAMP.match(line)) for line in lines)
        mostly = stamped > 1 and 2 * stamped >= sum(bool(line.strip()) for line in lines)
        return [STAMP.sub("", line, count=1) for line in lines] if mostly else lines
    return [prefix.sub("", line, count=1) for line in lines]


def _prefix(lines: list[str]) -> re.Pattern[str] | None:
    """What stands before "Traceback", with any digits: a log writes it before other lines too."""
    for line in lines:
        before, found, _ = line.partition(HEAD)
        if not found:
            continue
        name = re.search(
            r"[A-Za-z_][\w.]*\s{2,}$", before
        )  # a notebook's head: the class, then HEAD
        before = before[: name.start()] if name else before
        if not before:
            return None
        if not before.strip():
            return re.compile(rf"^[ \t]{{0,{len(before)}}}")
        digits = re.sub(r"\d+", r"\\d+", re.escape(before.rstrip()))
        return re.compile(f"^{digits}[ \t]?")
    return None


def _blocks(lines: list[str]) -> list[list[str]]:
    """The lines of each error, first error first. Only the last chain counts."""
    chains: list[list[list[str]]] = [[[]]]
    for line in lines:
        last = chains[-1][-1]
        if line.strip() in (DIRECT, MEANWHILE):
            chains[-1].append([])
        elif HEAD in line and _error_at(last) is not None and not _leads_in(last):
            chains.append([[line]])
        else:
            last.append(line)
    full = [[block for block in chain if any(line.strip() for line in block)] for chain in chains]
    return next((chain for chain in reversed(full) if chain), [])


def _leads_in(lines: list[str]) -> bool:
    """A message that quotes another traceback says so: "…, an error is thrown:"."""
    return next((line for line in reversed(lines) if line.strip()), "").rstrip().endswith(":")


def _parsed(lines: list[str]) -> Link:
    at = _error_at(lines)
    if at is None:
        return Link("", (), "\n".join(lines).strip()[:LONGEST_MESSAGE], _frames(lines))
    found = ERROR_LINE.match(lines[at])
    assert found is not None
    message = "\n".join([found["message"] or "", *lines[at + 1 :]]).strip()
    name = found["type"]
    return Link(name, _types(name), message[:LONGEST_MESSAGE], _frames(lines[:at]))


def _types(name: str) -> tuple[str, ...]:
    """The class's name, and for Python's own classes those above it."""
    last = name.rpartition(".")[2]
    kind = getattr(builtins, last, None)
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return tuple(base.__name__ for base in kind.__mro__ if base is not object)
    return (last,)


def _error_at(lines: list[str]) -> int | None:
    """Where the error stands: the first line that begins with a class, after the lines of code.

    Where the lines of code are cut off, only a name that ends as errors do is taken for a class.
    """
    behind_code = False
    for number, line in enumerate(lines):
        if any(pattern.match(line) for pattern in FRAME_LINES):
            behind_code = True
            continue
        found = ERROR_LINE.match(line)
        if found and (behind_code or _is_error(found["type"])):
            return number
    return None


def _is_error(name: str) -> bool:
    last = name.rpartition(".")[2]
    kind = getattr(builtins, last, None)
    if kind is not None:
        return isinstance(kind, type) and issubclass(kind, BaseException)
    return bool(KNOWN_ENDINGS.search(last))


def _frames(lines: list[str]) -> tuple[Frame, ...]:
    frames: list[Frame] = []
    fresh = False  # the line before named a frame, so this one is its code
    for line in lines:
        found = next(filter(None, (pattern.match(line) for pattern in FRAME_LINES)), None)
        arrow = ARROW.match(line)
        if found:
            function = found["function"]
            frames.append(
                Frame(f"{found['file']}, in {function}" if function else found["file"], "")
            )
            fresh = not line[:1].isalpha() or line.lstrip().startswith('File "')
        elif frames and (arrow or (fresh and line.strip())):
            if arrow or not re.match(r"^\s*\d+ ", line):
                code = arrow["code"] if arrow else line
                frames[-1] = Frame(frames[-1].place, code.strip())
            fresh = False
    return tuple(frames)
