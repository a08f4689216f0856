"""``show_picture()``: the course's drawings, for light and dark pages, with their text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from course_utils.drawings.block_of_64 import block_of_64
from course_utils.drawings.colab_gpu import colab_gpu
from course_utils.drawings.colab_key import colab_key
from course_utils.drawings.four_sizes import four_sizes
from course_utils.drawings.gate_doors import gate_doors
from course_utils.drawings.gate_steps import gate_steps
from course_utils.drawings.gpu_ladder import gpu_ladder
from course_utils.drawings.hits import draw_hits
from course_utils.drawings.kv_cache import kv_cache
from course_utils.drawings.layers_placed import layers_placed
from course_utils.drawings.license_families import license_families
from course_utils.drawings.login_box import login_box
from course_utils.drawings.memory_bars import draw_memory
from course_utils.drawings.on_the_gpu import on_the_gpu
from course_utils.drawings.page import pages
from course_utils.drawings.picture import Drawing, Picture
from course_utils.drawings.sixteen_bits import sixteen_bits
from course_utils.drawings.sixteen_marks import sixteen_marks
from course_utils.errors import CourseError
from course_utils.report import TableReport
from course_utils.text import did_you_mean, nearest, shorten

__all__ = ["Drawing", "Picture", "Pictures", "draw_hits", "draw_memory", "pictures", "show_picture"]

DRAWINGS: dict[str, Callable[[], Drawing]] = {
    "license_families": license_families,
    "gate_doors": gate_doors,
    "gate_steps": gate_steps,
    "login_box": login_box,
    "colab_key": colab_key,
    "colab_gpu": colab_gpu,
    "four_sizes": four_sizes,
    "sixteen_bits": sixteen_bits,
    "layers_placed": layers_placed,
    "sixteen_marks": sixteen_marks,
    "block_of_64": block_of_64,
    "on_the_gpu": on_the_gpu,
    "kv_cache": kv_cache,
    "gpu_ladder": gpu_ladder,
}


def show_picture(name: str) -> Picture:
    """The drawing or page of that name, to be a cell's last line. ``pictures()`` lists the names.

    Raises:
        CourseError: there is none of that name; the message has the nearest.
    """
    if isinstance(name, str) and name in DRAWINGS:
        return DRAWINGS[name]()
    if isinstance(name, str) and name in pages():
        return pages()[name]
    guess = did_you_mean(
        repr(one) for one in nearest(str(name), [*DRAWINGS, *pages()], most=2, likeness=0.4)
    )
    asked = shorten(repr(name), 60)
    raise CourseError(f"There is no picture {asked}.{guess} cu.pictures() lists them all.")


@dataclass(frozen=True, repr=False)
class Pictures(TableReport):
    """The names that ``show_picture()`` knows, with what each shows."""

    titles: dict[str, str]

    def title(self) -> str:
        return f'{len(self.titles)} pictures: cu.show_picture("{next(iter(self.titles))}")'

    def columns(self) -> tuple[str, ...]:
        return "name", "what it shows"

    def lines(self) -> Iterator[tuple[str, ...]]:
        yield from self.titles.items()


def pictures() -> Pictures:
    """The course's drawings, in the order of its lessons, then pages of the practice Hub."""
    drawn = {name: draw().title for name, draw in DRAWINGS.items()}
    return Pictures({**drawn, **{name: page.title for name, page in pages().items()}})
