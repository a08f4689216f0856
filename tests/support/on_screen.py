"""What a widget shows and what can be moved in it, read from its ipywidgets without a browser."""

from __future__ import annotations

import html
import re


def words_of(page: str) -> str:
    """What a page says, without tags, styles and white space."""
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def panel_of(widget) -> str:
    """The HTML on screen, without stylesheet and controls."""
    from ipywidgets import HTML

    return next(child for child in widget.widget.children[1:] if isinstance(child, HTML)).value


def control(widget, name: str):
    """A control by its label."""
    pending = list(widget.widget.children)
    for child in pending:
        pending.extend(getattr(child, "children", ()))
        if getattr(child, "description", "") == name:
            return child
    raise AssertionError(f"no control {name!r}")
