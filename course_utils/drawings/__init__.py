"""``show_picture()``: the course's drawings, for light and dark pages, with their text."""

from __future__ import annotations

from collections.abc import Callable

from course_utils.drawings.block_of_64 import block_of_64
from course_utils.drawings.kv_cache import kv_cache
from course_utils.drawings.picture import Picture
from course_utils.drawings.sixteen_bits import sixteen_bits
from course_utils.drawings.sixteen_marks import sixteen_marks
from course_utils.errors import CourseError
from course_utils.text import did_you_mean, nearest

__all__ = ["Picture", "show_picture"]

DRAWINGS: dict[str, Callable[[], Picture]] = {
    "sixteen_bits": sixteen_bits,
    "sixteen_marks": sixteen_marks,
    "block_of_64": block_of_64,
    "kv_cache": kv_cache,
}


def show_picture(name: str) -> Picture:
    """The drawing of that name, to be a cell's last line. ``pictures()`` lists the names.

    Raises:
        CourseError: there is none of that name; the message has the nearest.
    """
    if name in DRAWINGS:
        return DRAWINGS[name]()
    guess = did_you_mean(repr(one) for one in nearest(str(name), DRAWINGS, most=2, likeness=0.4))
    raise CourseError(f"There is no picture {name!r}.{guess} cu.pictures() lists them all.")
