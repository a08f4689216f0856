"""A picture: what a notebook gets of it, for a live page, a saved one, and in words."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.drawings.as_png import png
from course_utils.drawings.as_svg import svg
from course_utils.drawings.shapes import Shape, Words
from course_utils.errors import CourseError
from course_utils.session.place import current_place

SHOWN_WIDTH = 560  # pixels, where the page has them
LIVE_PLACES = ("JupyterLab", "Colab")  # where a cell's HTML keeps its styles


@dataclass(frozen=True, repr=False)
class Picture:
    """What ``show_picture()`` gives. The last line of a cell shows it, ``print()`` says it.

    ``words`` tell the same as what is drawn, for whoever cannot see it.
    """

    name: str
    title: str
    words: str

    def __str__(self) -> str:
        return "\n".join([self.title, *(f"  {line}" for line in self.words.splitlines())])

    def __repr__(self) -> str:
        return str(self)

    def html(self) -> str:
        """An element that follows its page from light to dark."""
        raise NotImplementedError

    def png(self) -> bytes:
        """For a light page, twice as many pixels wide as it is shown."""
        raise NotImplementedError

    def save(self, path: str | Path) -> None:
        """Write it to a file whose name ends in .png, or for a drawing in .svg.

        Raises:
            CourseError: the name ends in something else.
        """
        path = Path(path)
        if path.suffix != ".png":
            raise CourseError(f"{self.name} is saved as .png, not as {path.suffix or path.name!r}.")
        path.write_bytes(self.png())

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """A page that would strip the styles (GitHub) prefers HTML all the same: it gets none."""
        data = {
            "text/plain": str(self),
            "image/png": base64.b64encode(self.png()).decode("ascii"),
        }
        if current_place() in LIVE_PLACES:
            data["text/html"] = self.html()
        return data, {"image/png": {"width": SHOWN_WIDTH}}


@dataclass(frozen=True, repr=False)
class Drawing(Picture):
    """Drawn from ``shapes``; they and ``height`` are in units of a sheet that is 400 wide."""

    height: float
    shapes: tuple[Shape, ...]

    def all_shapes(self) -> tuple[Shape, ...]:
        """The title first."""
        return (Words(16, 28, self.title, size=15, bold=True), *self.shapes)

    def svg(self) -> str:
        """One ``<svg>`` element that follows the page from light to dark."""
        return svg(self.name, self.title, self.words, self.height, self.all_shapes())

    def html(self) -> str:
        return self.svg()

    def png(self) -> bytes:
        """On white paper. Imports matplotlib."""
        return png(self.height, self.all_shapes(), 2 * SHOWN_WIDTH)

    def save(self, path: str | Path) -> None:
        path = Path(path)
        if path.suffix == ".svg":
            path.write_text(self.svg(), encoding="utf-8")
        else:
            super().save(path)
