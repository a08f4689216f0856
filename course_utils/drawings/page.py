"""Pages of the practice Hub as pictures: taken in a browser by ``tools/page_pictures.py``."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course_utils.drawings.picture import SHOWN_WIDTH, Picture

FOLDER = Path(__file__).parent / "pages"

# Of two images one is shown: as the system wants it, or as JupyterLab's or Colab's theme says.
STYLE = f"""<style>
.cu-page img {{ width: 100%; max-width: {SHOWN_WIDTH}px; height: auto }}
.cu-page .dark {{ display: none }}
@media (prefers-color-scheme: dark) {{
  .cu-page .dark {{ display: block }} .cu-page .light {{ display: none }}
}}
:is([data-jp-theme-light="true"], [theme="light"]) .cu-page .light {{ display: block }}
:is([data-jp-theme-light="true"], [theme="light"]) .cu-page .dark {{ display: none }}
:is([data-jp-theme-light="false"], [theme="dark"]) .cu-page .dark {{ display: block }}
:is([data-jp-theme-light="false"], [theme="dark"]) .cu-page .light {{ display: none }}
</style>"""


@dataclass(frozen=True, repr=False)
class Page(Picture):
    """A part of a page. ``words`` are what stands there, and what is marked in it."""

    def png(self) -> bytes:
        return (FOLDER / f"{self.name}.light.png").read_bytes()

    def html(self) -> str:
        words = html.escape(f"{self.title}\n{self.words}")
        images = "".join(
            f'<img class="{theme}" alt="{words}" src="data:image/png;base64,'
            f'{base64.b64encode(file.read_bytes()).decode("ascii")}">'
            for theme in ("light", "dark")
            for file in [FOLDER / f"{self.name}.{theme}.png"]
        )
        return f'<div class="cu-page">{STYLE}{images}</div>'


@cache
def pages() -> dict[str, Page]:
    """Every page that was taken, by name, in the order of their files."""
    found = {}
    for file in sorted(FOLDER.glob("*.txt")):
        title, _, words = file.read_text(encoding="utf-8").partition("\n")
        found[file.stem] = Page(file.stem, title, words.strip("\n"))
    return found
