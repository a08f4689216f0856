"""What every answer of this package can do: print as text, show as HTML, become a dict."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator
from typing import Any


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
        title = html.escape(self.title())
        return f'<table><caption style="text-align:left"><b>{title}</b></caption>{lines}</table>'

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)  # type: ignore[call-overload]
