"""From facts to HTML: templates, cards in Markdown, numbers for people.

Jinja and the Markdown reader are imported when the first page is asked for, so that the Hub starts
without them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse

from practice_hub.state import root_of, visitor_of

if TYPE_CHECKING:
    import jinja2
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

TEMPLATES = Path(__file__).parent / "templates"
LONGEST_CARD = 200_000  # characters; reading that many takes about a second
SAFE_SCHEMES = ("http", "https", "mailto")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
PARAGRAPH = ["paragraph_open", "inline", "paragraph_close"]
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


# --- Pages ---------------------------------------------------------------------------------------


def render(
    request: Request,
    template: str,
    status: int = 200,
    headers: Mapping[str, str] = {},
    **facts: Any,
) -> HTMLResponse:
    """A page from ``templates/``. ``root`` is what stands before every address in it."""
    text = (
        templates()
        .get_template(template)
        .render(
            root=root_of(request), here=request.scope["path"], visitor=visitor_of(request), **facts
        )
    )
    return HTMLResponse(text, status, {**HEADERS, **headers})


@cache
def templates() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": exact_count,
        "compact": compact_count,
        "size": file_size,
        "date": lambda text: text[:10] if text else "not known",
    }
    return environment


# --- Numbers -------------------------------------------------------------------------------------


def exact_count(number: int | None) -> str:
    return "not known" if number is None else f"{number:,}"


def compact_count(number: int | None) -> str:
    """2,103,424 → 2.1M."""
    if number is None:
        return "not known"
    return scaled(number, {10**12: "T", 10**9: "B", 10**6: "M", 10**3: "K", 1: ""})


def file_size(number: int) -> str:
    """In decimal units, as the Hub shows files: 1 GB is 10⁹ bytes."""
    return scaled(number, {10**12: " TB", 10**9: " GB", 10**6: " MB", 10**3: " kB", 1: " bytes"})


def scaled(number: int, units: Mapping[int, str]) -> str:
    """Three digits that count: 1.24 GB, 12.4 GB, 124 GB."""
    for unit, name in units.items():
        if number >= unit * 0.9995 and unit > 1:
            value = number / unit
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            text = f"{value:.{digits}f}"
            return (text.rstrip("0").rstrip(".") if digits else text) + name
    return f"{number}{units[1]}"


# --- Cards ---------------------------------------------------------------------------------------


def safe_link(address: Any) -> str | None:
    """The address if a page may link to it: web, mail, or a place on this Hub."""
    text = str(address).strip()
    if re.search(r"[\s\\\x00-\x1f]", text):
        return None
    try:
        scheme = urlsplit(text).scheme.lower()
    except ValueError:
        return None
    return text if not scheme or scheme in SAFE_SCHEMES else None


@lru_cache(maxsize=32)
def render_card(text: str, files: str) -> str:
    """A card's Markdown as HTML. HTML in it stays text, and images become links.

    ``files`` is the address of the repo's files, for relative links. A card that is too long to
    be worth the wait is shown as it was written.
    """
    if len(text) <= LONGEST_CARD:
        try:
            return str(card_reader().render(text, {"files": files}))
        except (RecursionError, ValueError):
            pass
    return (
        '<p class="note">This card is too long to lay out, so it is shown as it was written.</p>'
        f'<pre class="plain" tabindex="0">{html.escape(text)}</pre>'
    )


@cache
def card_reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    class CardReader(MarkdownIt):
        def validateLink(self, url: str) -> bool:
            return safe_link(url) is not None

    reader = CardReader("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.core.ruler.push("fit_into_page", fit_into_page)
    reader.add_render_rule("image", image_as_link)
    reader.add_render_rule("fence", code_block)
    reader.add_render_rule("code_block", code_block)
    reader.add_render_rule("table_open", lambda *_: '<div class="wide" tabindex="0"><table>\n')
    reader.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return reader


def fit_into_page(state: StateCore) -> None:
    """Headings one level down (the page has its own h1), comments out, links to their places."""
    kept: list[Token] = []
    anchors: dict[str, int] = {}
    tokens = state.tokens
    for place, token in enumerate(tokens):
        if token.type in ("heading_open", "heading_close"):
            if token.type == "heading_open":
                token.attrSet("id", new_anchor(tokens[place + 1].content, anchors))
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        for child in token.children or ():
            if child.type == "link_open":
                address = str(child.attrGet("href") or "")
                child.attrSet("href", placed(address, state.env["files"]))
                child.attrSet("rel", "nofollow noopener noreferrer")
        kept.append(token)
        is_paragraph = [part.type for part in kept[-3:]] == PARAGRAPH
        if is_paragraph and is_comment(kept[-2].content):
            del kept[-3:]
    state.tokens = kept


def is_comment(text: str) -> bool:
    """Whether a paragraph holds nothing but remarks for editors."""
    framed = text.startswith("<!--") and text.endswith("-->")
    return framed and not COMMENT.sub("", text).strip()


def new_anchor(heading: str, taken: dict[str, int]) -> str:
    """An id as the Hub makes it; the second heading of the same words ends in -1."""
    words = re.sub(r"[^\w\s-]", "", heading.lower()).split()
    anchor = "card-" + "-".join(words)
    before = taken.get(anchor, 0)
    taken[anchor] = before + 1
    return f"{anchor}-{before}" if before else anchor


def placed(address: str, files: str) -> str:
    """Where a link in a card leads from the page: to a heading, a file of the repo, or away."""
    if address.startswith("#"):
        return f"#card-{address[1:].lower()}"
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    return f"{files}/{address.removeprefix('./').lstrip('/')}"


def image_as_link(
    reader: Any, tokens: Sequence[Token], place: int, options: Any, env: Mapping[str, str]
) -> str:
    """Pages load nothing from elsewhere, so a picture is named and linked."""
    token = tokens[place]
    name = html.escape(f"Image: {token.content or 'without a description'}")
    before = [part.type for part in tokens[:place]]
    if before.count("link_open") > before.count("link_close"):
        return name
    address = html.escape(placed(str(token.attrGet("src") or ""), env["files"]))
    return f'<a href="{address}" rel="nofollow noopener noreferrer">{name}</a>'


def code_block(reader: Any, tokens: Sequence[Token], place: int, *_: Any) -> str:
    return f'<pre tabindex="0"><code>{html.escape(tokens[place].content)}</code></pre>\n'
