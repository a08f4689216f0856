"""The pieces of HTML that widgets are made of."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

from course_utils.report import cells_as_html
from course_utils.signs import sign


def view(*parts: str) -> str:
    return f'<div class="cu-view">{"".join(parts)}</div>'


def paragraphs(lines: Iterable[str]) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)


def status(words: str) -> str:
    """A line that screen readers say when it changes, as they do a verdict and a problem."""
    return f'<p role="status">{html.escape(words)}</p>'


def problem(words: str) -> str:
    return f'<p class="cu-problem" role="alert"><b>Problem:</b> {html.escape(words)}</p>'


def verdict_line(verdict: str, words: str) -> str:
    """A shape and words for a verdict; the shape alone is never needed to understand it."""
    shape = sign(verdict, "1.5em")
    return f'<p class="cu-verdict" role="status">{shape}<span>{html.escape(words)}</span></p>'


def facts(rows: Iterable[tuple[str, str]], drawn: Mapping[str, str] | None = None) -> str:
    """A table of rows as a ``Report`` yields them: an empty label belongs to the row above."""
    lines = "".join(
        (f'<tr><th scope="row">{html.escape(label)}</th>' if label else "<tr><td></td>")
        + f"<td>{content}</td></tr>"
        for label, content in cells_as_html(rows, drawn)
    )
    return f'<table class="cu-facts">{lines}</table>' if lines else ""


def code_block(code: str, label: str) -> str:
    """Code that scrolls sideways where it is too wide, by keyboard as well."""
    name = html.escape(label)
    return f'<pre tabindex="0" role="region" aria-label="{name}">{html.escape(code)}</pre>'
