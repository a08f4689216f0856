"""Shapes as PNG, drawn by matplotlib with the font that it brings along."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from course_utils.drawings.as_svg import arrow_tip
from course_utils.drawings.shapes import WASHED, WIDTH, Area, Dot, Line, Shape, Words, colour_of
from course_utils.palette import LIGHT

UNITS_PER_INCH = 100
POINTS = 72 / UNITS_PER_INCH  # of type or line, in one unit
COLOURS = 64  # of the file: a third of the bytes, and no difference to the eye
ANCHORS = {"start": "left", "middle": "center", "end": "right"}


def png(height: float, shapes: Iterable[Shape], width: int) -> bytes:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    size = (WIDTH / UNITS_PER_INCH, height / UNITS_PER_INCH)
    dots = width / size[0]
    figure = Figure(figsize=size, dpi=dots, facecolor=LIGHT["paper"])
    axes: Any = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    canvas: Any = FigureCanvasAgg(figure)
    content = io.BytesIO()
    with rc_context({"hatch.linewidth": 2.2}):
        for order, shape in enumerate(shapes):
            _draw(axes, shape, order)
        canvas.draw()
    size_in_dots = canvas.get_width_height()
    drawn = Image.frombytes("RGBA", size_in_dots, bytes(canvas.buffer_rgba())).convert("RGB")
    drawn.quantize(COLOURS).save(content, "PNG", optimize=True)
    return content.getvalue()


def _draw(axes: Any, shape: Shape, order: int) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Circle, Polygon

    colour = colour_of(shape.colour, LIGHT)
    match shape:
        case Words():
            axes.text(
                shape.x,
                shape.y,
                shape.text,
                fontsize=shape.size * POINTS,
                ha=ANCHORS[shape.anchor],
                va="baseline",
                weight="bold" if shape.bold else "normal",
                family="DejaVu Sans Mono" if shape.mono else "DejaVu Sans",
                color=colour,
                parse_math=False,
                zorder=order,
            )
        case Dot():
            axes.add_patch(
                Circle((shape.x, shape.y), shape.radius, color=colour, linewidth=0, zorder=order)
            )
        case Line():
            at, up = zip(*shape.points, strict=True)
            axes.add_line(
                Line2D(
                    at,
                    up,
                    color=colour,
                    linewidth=shape.thick * POINTS,
                    linestyle=_dashes(shape),
                    solid_capstyle="butt",
                    zorder=order,
                )
            )
            if shape.arrow:
                axes.add_patch(Polygon(arrow_tip(shape), color=colour, linewidth=0, zorder=order))
        case Area():
            _fill(axes, shape, colour, order)


def _fill(axes: Any, shape: Area, colour: str, order: int) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Polygon

    if shape.fill != "empty":
        hatched = shape.fill == "hatched"
        alpha = {"solid": 1.0, "washed": WASHED, "hatched": 0.0}[shape.fill]
        axes.add_patch(
            Polygon(
                shape.points,
                facecolor=to_rgba(colour, alpha),
                edgecolor=colour,
                hatch="////" if hatched else None,
                linewidth=0,
                zorder=order,
            )
        )
    if shape.edge:
        axes.add_patch(
            Polygon(
                shape.points,
                facecolor="none",
                edgecolor=colour_of(shape.edge, LIGHT),
                linewidth=shape.thick * POINTS,
                linestyle=_dashes(shape),
                joinstyle="miter",
                zorder=order,
            )
        )


def _dashes(shape: Line | Area) -> Any:
    """Five units drawn, four left out; matplotlib counts in widths of the line."""
    return (0, (5 / shape.thick, 4 / shape.thick)) if shape.dashed else "-"
