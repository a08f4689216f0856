"""Shapes as SVG: plain elements, and one small stylesheet for light and dark."""

from __future__ import annotations

import html
from collections.abc import Iterable

from course_utils.drawings.shapes import FIXED, WASHED, WIDTH, Area, Dot, Line, Shape, Words
from course_utils.palette import DARK, LIGHT

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif'
MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace'


def _colours(theme: dict[str, str]) -> str:
    return "; ".join(f"--cu-{name}: {colour}" for name, colour in theme.items())


# The system says whether it is dark; JupyterLab and Colab know better about their own pages.
STYLE = f"""
.cu-picture {{ {_colours(LIGHT)}; display: block; width: 100%; max-width: 560px; height: auto;
  background: var(--cu-paper); font-family: {FONT} }}
.cu-picture .mono {{ font-family: {MONO} }}
@media (prefers-color-scheme: dark) {{ .cu-picture {{ {_colours(DARK)} }} }}
[data-jp-theme-light="true"] .cu-picture, [theme="light"] .cu-picture {{ {_colours(LIGHT)} }}
[data-jp-theme-light="false"] .cu-picture, [theme="dark"] .cu-picture {{ {_colours(DARK)} }}
@media (forced-colors: active) {{ .cu-picture {{ forced-color-adjust: none }} }}
@media print {{ .cu-picture.cu-picture {{ {_colours(LIGHT)} }} }}
"""


def svg(name: str, title: str, words: str, height: float, shapes: Iterable[Shape]) -> str:
    shapes = tuple(shapes)
    ids = f"cu-{name}-title", f"cu-{name}-words"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="cu-picture" role="img" '
        f'viewBox="0 0 {WIDTH:g} {height:g}" aria-labelledby="{ids[0]} {ids[1]}">',
        f'<title id="{ids[0]}">{html.escape(title)}</title>',
        f'<desc id="{ids[1]}">{html.escape(words)}</desc>',
        f"<style>{STYLE}</style>",
        *_patterns(name, shapes),
        f'<rect width="{WIDTH:g}" height="{height:g}" fill="var(--cu-paper)"/>',
        *(_element(name, shape) for shape in shapes),
        "</svg>",
    ]
    return "\n".join(lines)


def _patterns(name: str, shapes: tuple[Shape, ...]) -> list[str]:
    hatched = {one.colour for one in shapes if isinstance(one, Area) and one.fill == "hatched"}
    return [
        f'<pattern id="cu-{name}-{colour.lstrip("#")}" width="6" height="6" '
        f'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="3" height="6" fill="{_paint(colour)}"/></pattern>'
        for colour in sorted(hatched)
    ]


def _element(name: str, shape: Shape) -> str:
    match shape:
        case Words():
            return _text(shape)
        case Line():
            return _line(shape)
        case Dot():
            return (
                f'<circle cx="{shape.x:g}" cy="{shape.y:g}" r="{shape.radius:g}" '
                f'fill="{_paint(shape.colour)}"/>'
            )
        case Area():
            return _area(name, shape)


def _text(shape: Words) -> str:
    look = f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else ""
    look += ' font-weight="600"' if shape.bold else ""
    look += ' class="mono"' if shape.mono else ""
    return (
        f'<text x="{shape.x:g}" y="{shape.y:g}" font-size="{shape.size:g}"{look} '
        f'fill="{_paint(shape.colour)}">{html.escape(shape.text)}</text>'
    )


def _area(name: str, shape: Area) -> str:
    fill = {
        "empty": 'fill="none"',
        "hatched": f'fill="url(#cu-{name}-{shape.colour.lstrip("#")})"',
        "washed": f'fill="{_paint(shape.colour)}" fill-opacity="{WASHED}"',
        "solid": f'fill="{_paint(shape.colour)}"',
    }[shape.fill]
    edge = _stroke(shape.edge, shape.thick, shape.dashed) if shape.edge else ""
    return f'<polygon points="{_points(shape.points)}" {fill}{edge}/>'


def _line(shape: Line) -> str:
    stroke = _stroke(shape.colour, shape.thick, shape.dashed)
    drawn = f'<polyline points="{_points(shape.points)}" fill="none"{stroke}/>'
    if not shape.arrow:
        return drawn
    tip = _points(arrow_tip(shape))
    return f'{drawn}<polygon points="{tip}" fill="{_paint(shape.colour)}"/>'


def arrow_tip(shape: Line) -> tuple[tuple[float, float], ...]:
    """A triangle on the line's last point, which lies where it points to."""
    (from_x, from_y), (x, y) = shape.points[-2:]
    length = ((x - from_x) ** 2 + (y - from_y) ** 2) ** 0.5
    along = ((x - from_x) / length, (y - from_y) / length)
    size = 3.2 + 2.2 * shape.thick
    back = (x - size * along[0], y - size * along[1])
    aside = (-along[1] * size * 0.55, along[0] * size * 0.55)
    return (
        (x, y),
        (back[0] + aside[0], back[1] + aside[1]),
        (back[0] - aside[0], back[1] - aside[1]),
    )


def _stroke(colour: str, thick: float, dashed: bool) -> str:
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f' stroke="{_paint(colour)}" stroke-width="{thick:g}"{dash}'


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{round(x, 2):g},{round(y, 2):g}" for x, y in points)


def _paint(colour: str) -> str:
    return f"var(--cu-{colour})" if colour in LIGHT else FIXED.get(colour, colour)
