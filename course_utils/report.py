"""What every answer of this package can do: print as text, show as HTML, become a dict."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator
from typing import Any

from course_utils.text import UNKNOWN

SHORT = 40  # characters of a cell that is not broken into lines


@dataclasses.dataclass(frozen=True, repr=False)
class Report:
    """Base of the dataclasses (``frozen=True, repr=False``) that the public functions return.

    A report is a title and rows of label and text. ``print(report)`` aligns them, a notebook shows
    a table with the same words, ``to_dict()`` gives the fields to a program.
    """

    def title(self) -> str:
        raise NotImplementedError

    def rows(self) -> Iterator[tuple[str, str]]:
        raise NotImplementedError

    def __str__(self) -> str:
        rows = list(self.rows())
        width = max((len(label) for label, _ in rows), default=0)
        return "\n".join([self.title(), *(f"  {label:<{width}}  {text}" for label, text in rows)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        lines = "".join(
            f'<tr><th scope="row" style="text-align:left">{html.escape(label)}</th>'
            f'<td style="text-align:left">{html.escape(text)}</td></tr>'
            for label, text in self.rows()
        )
        return f"<table>{_caption(self.title())}{lines}</table>"

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


class TableReport(Report):
    """A report whose rows have the same columns: a list of models, say.

    ``columns()`` names them, ``lines()`` yields the words of each row, ``notes`` stand below. A
    column of numbers is set to the right.
    """

    notes: tuple[str, ...] = ()

    def columns(self) -> tuple[str, ...]:
        raise NotImplementedError

    def lines(self) -> Iterator[tuple[str, ...]]:
        raise NotImplementedError

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
        right = self._number_columns()
        heads = "".join(
            f'<th scope="col" style="text-align:{_side(number)}">{html.escape(name)}</th>'
            for name, number in zip(self.columns(), right, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align:{_side(number)};white-space:{_wrap(cell)}">'
                f"{html.escape(cell)}</td>"
                for cell, number in zip(line, right, strict=True)
            )
            + "</tr>"
            for line in self.lines()
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        table = f"<table>{_caption(self.title())}<tr>{heads}</tr>{body}</table>"
        return (table if body else f"<p><b>{html.escape(self.title())}</b></p>") + notes

    def _number_columns(self) -> list[bool]:
        columns = list(zip(*self.lines(), strict=True)) or [()] * len(self.columns())
        return [
            bool(column) and all(cell[:1].isdigit() or cell in ("", UNKNOWN) for cell in column)
            for column in columns
        ]


def _side(number: bool) -> str:
    return "right" if number else "left"


def _wrap(cell: str) -> str:
    """A number with its unit, or a repo id, stays on one line; a sentence need not."""
    return "nowrap" if len(cell) <= SHORT else "normal"


def _caption(title: str) -> str:
    return f'<caption style="text-align:left"><b>{html.escape(title)}</b></caption>'
