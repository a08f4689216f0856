"""What every answer of this package can do: print as text, show as HTML, become a dict.

Beside rows and tables, an answer may hold a bar or a tree. Each has its words.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from course_utils.palette import COLOURS
from course_utils.signs import sign
from course_utils.text import UNKNOWN

SHORT = 16  # characters of words in a cell that are not broken into lines
PADDING = "padding:.4em .35em"


@dataclasses.dataclass(frozen=True, repr=False)
class Report:
    """Base of the dataclasses (``frozen=True, repr=False``) that the public functions return.

    A report is a title and rows of label and text; a row without a label belongs to the one above.
    ``print(report)`` aligns them, a notebook shows a table with the same words, ``to_dict()`` gives
    the fields to a program.
    """

    has_addresses: ClassVar[bool] = False  # which a narrow page has to break

    def title(self) -> str:
        raise NotImplementedError

    def rows(self) -> Iterator[tuple[str, str]]:
        raise NotImplementedError

    def drawn(self) -> dict[str, str]:
        """HTML for the rows of a label, such as a tree, in place of the words that say the same."""
        return {}

    def __str__(self) -> str:
        rows = list(self.rows())
        width = max((len(label) for label, _ in rows), default=0)
        return "\n".join([self.title(), *(f"  {label:<{width}}  {text}" for label, text in rows)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return rows_as_html(self.rows(), self.title(), self.drawn(), self.has_addresses)

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


class TableReport(Report):
    """A report whose rows have the same columns: a list of models, say.

    ``columns()`` names them, ``lines()`` yields the words of each row, ``notes`` stand below. A
    column of numbers is set to the right. ``drawing_notes`` say how to read what is only drawn.
    """

    notes: tuple[str, ...] = ()
    drawing_notes: ClassVar[tuple[str, ...]] = ()

    def columns(self) -> tuple[str, ...]:
        raise NotImplementedError

    def lines(self) -> Iterator[tuple[str, ...]]:
        raise NotImplementedError

    def above(self, row: int, column: str) -> str:
        """HTML that stands above a cell's words, such as a bar. The words say the same."""
        return ""

    def __str__(self) -> str:
        table = [self.columns(), *self.lines()]
        widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
        right = self._number_columns()
        shown = [
            "  ".join(
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(line, widths, right, strict=True)
            ).rstrip()
            for line in (table if len(table) > 1 else [])
        ]
        return "\n".join([self.title(), *(f"  {line}" for line in [*shown, *self.notes])])

    def _repr_html_(self) -> str:
        title = html.escape(self.title())
        notes = "".join(
            f"<p>{html.escape(note)}</p>" for note in (*self.drawing_notes, *self.notes)
        )
        lines = list(self.lines())
        if not lines:
            return f"<p><b>{title}</b></p>{notes}"
        right = self._number_columns()
        heads = "".join(
            f'<th scope="col" style="text-align:{_side(number)};{PADDING}">{_head(name)}</th>'
            for name, number in zip(self.columns(), right, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align:{_side(number)};white-space:{_wrap(cell)};{PADDING}">'
                f"{self.above(row, name)}{_cell(cell)}</td>"
                for name, cell, number in zip(self.columns(), line, right, strict=True)
            )
            + "</tr>"
            for row, line in enumerate(lines)
        )
        table = f"<table>{_caption(self.title())}<tr>{heads}</tr>{body}</table>"
        aside = f'role="region" aria-label="{title}" tabindex="0" style="overflow-x:auto"'
        return f"<div {aside}>{table}</div>{notes}"

    def _number_columns(self) -> list[bool]:
        columns = list(zip(*self.lines(), strict=True)) or [()] * len(self.columns())
        return [
            bool(column) and all(cell[:1].isdigit() or cell in ("", UNKNOWN) for cell in column)
            for column in columns
        ]


def rows_as_html(
    rows: Iterable[tuple[str, str]],
    title: str = "",
    drawn: Mapping[str, str] | None = None,
    has_addresses: bool = False,
) -> str:
    """A table of labels and texts. ``drawn`` has the HTML of rows that are more than text."""
    broken = ";overflow-wrap:anywhere" if has_addresses else ""
    lines = "".join(
        f'<tr><th scope="row" style="text-align:left">{html.escape(label)}</th>'
        f'<td style="text-align:left{broken}">{content}</td></tr>'
        for label, content in cells_as_html(rows, drawn)
    )
    return f"<table>{_caption(title) if title else ''}{lines}</table>"


def cells_as_html(
    rows: Iterable[tuple[str, str]], drawn: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """Each row's label, and its text as HTML; a label that is ``drawn`` has one cell for all."""
    drawn = drawn or {}
    above = ""
    for label, text in rows:
        above = label or above
        if above not in drawn:
            yield label, html.escape(text)
        elif label:
            yield label, drawn[label]


@dataclasses.dataclass(frozen=True)
class Branch:
    """A node of a tree: what it is, what is said of it, its ``verdict``, and what hangs on it.

    ``link`` says how it belongs to the node above. A node that is only guessed is dashed.
    """

    name: str
    says: str
    verdict: str
    link: str = ""
    is_guessed: bool = False
    branches: tuple[Branch, ...] = ()

    def words(self) -> str:
        return f"{self.link} {self.name}: {self.says}".strip()


def tree_as_text(branch: Branch) -> Iterator[str]:
    """A line for each node, below the one that it hangs on."""
    yield branch.words()
    for number, below in enumerate(branch.branches, start=1):
        is_last = number == len(branch.branches)
        first, *others = tree_as_text(below)
        yield ("└─ " if is_last else "├─ ") + first
        yield from (("   " if is_last else "│  ") + line for line in others)


def tree_as_html(branch: Branch) -> str:
    """The same as nested lists, which are read out as such, with a box for each node."""
    return f'<ul style="margin:0;padding:0;list-style:none">{_item(branch)}</ul>'


def _item(branch: Branch, lines: str = "") -> str:
    blue = COLOURS["weights"]
    edge = f"1.5px {'dashed' if branch.is_guessed else 'solid'} {blue}"
    box = f"border:{edge};background:{blue}2e;padding:.1em .5em;overflow-wrap:anywhere"
    link = f"{html.escape(branch.link)} " if branch.link else ""
    below = "".join(
        _item(one, _elbow(is_last=one is branch.branches[-1])) for one in branch.branches
    )
    if below:
        below = f'<ul style="margin:0;padding:0 0 0 .8em;list-style:none">{below}</ul>'
    return (
        f'<li style="position:relative;margin:0;padding:.25em 0 .25em {"1.4em" if lines else "0"}">'
        f'{lines}{link}<b style="display:inline-block;{box}">{html.escape(branch.name)}:</b> '
        f'<span style="white-space:nowrap">{sign(branch.verdict)}</span> '
        f"{html.escape(branch.says)}{below}</li>"
    )


def _elbow(is_last: bool) -> str:
    """From the node above down to this one, and on to the next where there is one."""
    ends = "height:1em" if is_last else "height:100%"
    down = f"position:absolute;left:0;top:0;{ends};border-left:1.5px solid"
    along = "position:absolute;left:0;top:1em;width:1.1em;border-top:1.5px solid"
    return "".join(f'<span aria-hidden="true" style="{one}"></span>' for one in (down, along))


def bar(filled: float, at_most: float, line: float, colour: str) -> str:
    """A bar of HTML; all three are shares of its width.

    Solid up to ``filled``, hatched up to ``at_most``, and a thin line across at ``line``.
    """
    hatching = f"repeating-linear-gradient(45deg,{colour} 0 2px,transparent 2px 5px)"
    parts = ((0.0, filled, colour), (filled, at_most - filled, hatching), (line, 0.0, "none"))
    spans = "".join(
        f'<span style="position:absolute;left:{100 * left:.1f}%;width:{100 * width:.1f}%;'
        f'height:100%;background:{paint}{";border-left:2px solid" if paint == "none" else ""}">'
        "</span>"
        for left, width, paint in parts
    )
    frame = "display:block;position:relative;min-width:9em;height:0.7em"
    return f'<span aria-hidden="true" style="{frame}">{spans}</span>'


def _side(number: bool) -> str:
    return "right" if number else "left"


def _wrap(cell: str) -> str:
    """A number with its unit stays on one line; a sentence need not."""
    return "nowrap" if len(cell) <= SHORT else "normal"


def _head(name: str) -> str:
    return html.escape(name).replace("/", "/<wbr>")


def _cell(cell: str) -> str:
    """The words; a repo id is broken after its owner, or not at all."""
    owner, slash, name = cell.partition("/")
    if not slash or " " in cell:
        return html.escape(cell)
    parts = (
        f'<span style="white-space:nowrap">{html.escape(one)}</span>'
        for one in (owner + slash, name)
    )
    return "<wbr>".join(parts)


def _caption(title: str) -> str:
    return f'<caption style="text-align:left"><b>{html.escape(title)}</b></caption>'
