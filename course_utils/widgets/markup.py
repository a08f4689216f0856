"""The pieces of HTML that widgets are made of, and the shapes that stand for verdicts."""

from __future__ import annotations

import html
from collections.abc import Iterable

from course_utils.palette import IF, NO, UNSURE, YES

# Name, colour and white symbol (an SVG path in a box of 24 × 24) of the shape for each verdict.
# The words stand beside it; a verdict that nobody drew yet gets the diamond.
CIRCLE = "M12 1a11 11 0 1 0 .01 0z"
TRIANGLE = "M12 1 23.5 22H.5z"
OCTAGON = "M7.5 1h9L23 7.5v9L16.5 23h-9L1 16.5v-9z"
DIAMOND = "M12 .5 23.5 12 12 23.5.5 12z"
CHECK = "m6.5 12.5 4 4 7-8"
CROSS = "m8 8 8 8m0-8-8 8"
EXCLAMATION = "M12 8.5v6m0 3.5v.5"
QUESTION = "M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7m0 3v.5"
ARROW = "M12 6.5v10m-4-4 4 4 4-4"
SHAPES = {
    "yes": ("circle", CIRCLE, YES, CHECK),
    "yes-if": ("triangle", TRIANGLE, IF, EXCLAMATION),
    "no": ("octagon", OCTAGON, NO, CROSS),
    "cannot-tell": ("diamond", DIAMOND, UNSURE, QUESTION),
    "fits": ("circle", CIRCLE, YES, CHECK),
    "tight": ("triangle", TRIANGLE, IF, EXCLAMATION),
    "spills": ("diamond", DIAMOND, UNSURE, ARROW),
    "does not fit": ("octagon", OCTAGON, NO, CROSS),
}


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
    name, outline, colour, symbol = SHAPES.get(verdict, SHAPES["cannot-tell"])
    shape = (
        f'<svg viewBox="0 0 24 24" aria-hidden="true" data-shape="{name}">'
        f'<path d="{outline}" fill="{colour}"/><path d="{symbol}" fill="none" stroke="#fff" '
        'stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )
    return f'<p class="cu-verdict" role="status">{shape}<span>{html.escape(words)}</span></p>'


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of rows as a ``Report`` yields them: an empty label belongs to the row above."""
    lines = "".join(
        (f'<tr><th scope="row">{html.escape(label)}</th>' if label else "<tr><td></td>")
        + f"<td>{html.escape(text)}</td></tr>"
        for label, text in rows
    )
    return f'<table class="cu-facts">{lines}</table>' if lines else ""


def code_block(code: str, label: str) -> str:
    """Code that scrolls sideways where it is too wide, by keyboard as well."""
    name = html.escape(label)
    return f'<pre tabindex="0" role="region" aria-label="{name}">{html.escape(code)}</pre>'
