"""A device's memory as a bar, in HTML and in text. Its picture is drawn in ``picture.py``."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from course_utils.errors import CourseError
from course_utils.units import in_gib
from course_utils.widgets.timeline import Timeline

# What a part is called, and the letter that stands for it in the bar. Drawn in this order.
NAMES = {
    "others": ("in use otherwise", "O"),
    "weights": ("weights", "W"),
    "besides": ("held by torch besides", "T"),
    "cache": ("KV cache", "K"),
    "states": ("cache states", "S"),
    "attention": ("scores of attention", "Q"),
    "activations": ("activations", "A"),
    "runtime": ("CUDA and its libraries", "C"),
}
CHARACTERS = 60  # of the bar in text
LETTER_SHARE = 0.06  # parts narrower than this have no room for their letter
KEY = "capitals are measured, small letters predicted, dots free"


@dataclass(frozen=True)
class Part:
    """``key`` is one of ``NAMES``; ``note`` says what the number of bytes rests on."""

    key: str
    bytes: int
    measured: bool
    note: str = ""

    @property
    def name(self) -> str:
        return NAMES[self.key][0]

    @property
    def letter(self) -> str:
        return NAMES[self.key][1]

    def words(self) -> str:
        how = "measured" if self.measured else "predicted"
        return f"{in_gib(self.bytes)}, {how}" + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True)
class Bar:
    """One device. ``peak`` is the most that was seen in use; ``words`` are the lines below the bar.

    Raises:
        CourseError: a size is no number of bytes, so that nothing can be drawn to scale.
    """

    name: str
    memory: int
    parts: tuple[Part, ...]
    peak: int | None = None
    words: tuple[str, ...] = ()
    timeline: Timeline | None = None

    def __post_init__(self) -> None:
        check_bytes(self.name, memory=self.memory, peak=self.peak or 0)
        check_bytes(self.name, **{part.key: part.bytes for part in self.parts})
        if self.memory == 0:
            raise CourseError(f"{self.name} cannot be drawn: it has no memory at all.")

    @property
    def used(self) -> int:
        return sum(part.bytes for part in self.parts)

    @property
    def free(self) -> int:
        return max(0, self.memory - self.used)

    @property
    def over(self) -> int:
        return max(0, self.used - self.memory)

    @property
    def span(self) -> int:
        """Bytes that the bar's whole width stands for."""
        return max(self.memory, self.used, self.peak or 0)

    def placed(self) -> Iterator[tuple[Part, float, float]]:
        """Each part with where it begins and how wide it is, as shares of the whole width."""
        begin = 0
        for part in self.parts:
            yield part, begin / self.span, part.bytes / self.span
            begin += part.bytes

    def title(self) -> str:
        return f"{self.name}: {in_gib(self.memory)}"

    def rest(self) -> tuple[str, str]:
        if self.over:
            return "too much", in_gib(self.over)
        return "free", in_gib(self.free)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Letter, name and words of each part, then what is free, then the peak."""
        for part in self.parts:
            letter = part.letter if part.measured else part.letter.lower()
            yield letter, part.name, part.words()
        yield (" ", *self.rest())
        if self.peak is not None:
            yield "^", "peak", f"{in_gib(self.peak)}, measured"


def check_bytes(name: str, **sizes: Any) -> None:
    """Refuse what cannot be drawn to scale.

    Raises:
        CourseError: one of the sizes is no number of bytes: NaN, negative, or no number at all.
    """
    for what, size in sizes.items():
        if type(size) is not int or size < 0:
            raise CourseError(f"{name} cannot be drawn: {what} is {size!r}, not a number of bytes.")


def as_text(bar: Bar) -> str:
    rows = list(bar.rows())
    width = max(len(name) for _, name, _ in rows)
    lines = [f"  {letter}  {name:<{width}}  {words}" for letter, name, words in rows]
    below = [f"  {line}" for line in bar.words]
    if bar.timeline:
        below.append(f"  {bar.timeline.words()}")
    return "\n".join([bar.title(), *_drawn(bar), *lines, *below])


def _drawn(bar: Bar) -> Iterator[str]:
    line = ["."] * CHARACTERS
    for part, begin, width in bar.placed():
        first, last = round(begin * CHARACTERS), round((begin + width) * CHARACTERS)
        letter = part.letter if part.measured else part.letter.lower()
        line[first:last] = letter * (last - first)
    end = round(bar.memory / bar.span * CHARACTERS)
    yield f"  [{''.join(line[:end])}]{''.join(line[end:])}"
    if bar.peak is not None:
        yield " " * (3 + min(CHARACTERS - 1, round(bar.peak / bar.span * CHARACTERS))) + "^"


def as_html(bar: Bar) -> str:
    title = f'<p class="cu-title">{html.escape(bar.title())}</p>'
    below = "".join(f"<p>{html.escape(line)}</p>" for line in bar.words)
    line = bar.timeline.as_html() if bar.timeline else ""
    label = html.escape(bar.name)
    return (
        f'<div role="group" aria-label="{label}">'
        f"{title}{_track(bar)}{_legend(bar)}{below}{line}</div>"
    )


def _track(bar: Bar) -> str:
    parts = "".join(_part(*placed) for placed in bar.placed() if placed[0].bytes)
    device = f'<div class="cu-device" style="width:{_percent(bar.memory / bar.span)}"></div>'
    peak = ""
    if bar.peak is not None:
        peak = f'<div class="cu-peak" style="left:{_percent(bar.peak / bar.span)}"></div>'
    label = html.escape("Bar: " + "; ".join(f"{name} {words}" for _, name, words in bar.rows()))
    return f'<div class="cu-track" role="img" aria-label="{label}">{parts}{device}{peak}</div>'


def _part(part: Part, begin: float, width: float) -> str:
    letter = f'<span class="cu-letter">{part.letter}</span>' if width >= LETTER_SHARE else ""
    return (
        f'<div class="{_classes("cu-part", part)}" data-part="{part.key}" '
        f'style="left:{_percent(begin)};width:{_percent(width)}">{letter}</div>'
    )


def _legend(bar: Bar) -> str:
    items = [
        f'<li><span class="{_classes("cu-swatch", part)}" aria-hidden="true"></span>'
        f'<b aria-hidden="true">{part.letter}</b>'
        f"<span>{html.escape(f'{part.name} {part.words()}')}</span></li>"
        for part in bar.parts
    ]
    free = '<span class="cu-swatch cu-free" aria-hidden="true"></span>'
    items.append(f"<li>{free}<span>{html.escape(' '.join(bar.rest()))}</span></li>")
    if bar.peak is not None:
        sign = '<span aria-hidden="true">▼</span>'
        items.append(f"<li>{sign}<span>peak {in_gib(bar.peak)}, measured</span></li>")
    return f'<ul class="cu-legend" role="list">{"".join(items)}</ul>'


def _classes(first: str, part: Part) -> str:
    return f"{first} cu-{part.key} cu-{'measured' if part.measured else 'predicted'}"


def _percent(share: float) -> str:
    return f"{100 * share:.4f}%"
