"""A picture: its shapes, drawn as SVG for a live page and as PNG for a saved one, and its words."""

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

    ``words`` tell the same as ``shapes`` do, for whoever cannot see them. ``height`` and the shapes
    are in units of a sheet that is 400 wide.
    """

    name: str
    title: str
    words: str
    height: float
    shapes: tuple[Shape, ...]

    def __str__(self) -> str:
        return "\n".join([self.title, *(f"  {line}" for line in self.words.splitlines())])

    def __repr__(self) -> str:
        return str(self)

    def all_shapes(self) -> tuple[Shape, ...]:
        """The title first."""
        return (Words(16, 28, self.title, size=15, bold=True), *self.shapes)

    def svg(self) -> str:
        """One ``<svg>`` element that follows the page from light to dark."""
        return svg(self.name, self.title, self.words, self.height, self.all_shapes())

    def png(self, width: int = 2 * SHOWN_WIDTH) -> bytes:
        """So many pixels wide, on white paper. Imports matplotlib."""
        return png(self.height, self.all_shapes(), width)

    def save(self, path: str | Path) -> None:
        """Write it to a file: as SVG or PNG, whichever the name ends in.

        Raises:
            CourseError: it ends in something else.
        """
        path = Path(path)
        if path.suffix == ".svg":
            path.write_text(self.svg(), encoding="utf-8")
        elif path.suffix == ".png":
            path.write_bytes(self.png())
        else:
            raise CourseError(f"A picture is saved as .svg or .png; {path.name} is neither.")

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """A page that would strip the SVG (GitHub) prefers HTML all the same: it is given none."""
        data = {
            "text/plain": str(self),
            "image/png": base64.b64encode(self.png()).decode("ascii"),
        }
        if current_place() in LIVE_PLACES:
            data["text/html"] = self.svg()
        return data, {"image/png": {"width": SHOWN_WIDTH}}
