"""The shape that stands beside a verdict's words. Shape and sign differ, not only the colour."""

from __future__ import annotations

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


def sign(verdict: str, size: str = "1em") -> str:
    """An ``<svg>`` of the verdict's shape, for the eye alone; ``size`` is a length of CSS."""
    name, outline, colour, symbol = SHAPES.get(verdict, SHAPES["cannot-tell"])
    return (
        f'<svg viewBox="0 0 24 24" width="{size}" height="{size}" aria-hidden="true" '
        f'data-shape="{name}"><path d="{outline}" fill="{colour}"/>'
        f'<path d="{symbol}" fill="none" stroke="#fff" stroke-width="2.4" '
        'stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )
