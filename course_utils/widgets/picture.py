"""PNGs for saved notebooks, drawn with matplotlib on a white page: GitHub strips all styles."""

from __future__ import annotations

import io
import textwrap
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from course_utils.palette import COLOURS
from course_utils.signs import SHAPES
from course_utils.widgets.bars import Bar, Part
from course_utils.widgets.labels import Label, labels
from course_utils.widgets.timeline import Timeline

WIDTH, MARGIN = 8.0, 0.15  # inches, at DOTS pixels each
DOTS = 100
LINE = 0.21
COLUMNS = 100  # characters of a line of text, of a line of code
CODE_COLUMNS = 104
LONGEST = 30  # lines of one block; a picture is no place for more
MARKERS = {"circle": "o", "triangle": "^", "octagon": "8", "diamond": "D"}
SYMBOLS = {"yes": "✓", "fits": "✓", "yes-if": "!", "tight": "!", "no": "×", "does not fit": "×"}
INK = "#111111"


class Picture:
    """A page that grows downwards: every call adds something below what is there."""

    def __init__(self) -> None:
        self._height = MARGIN
        self._drawings: list[Callable[[Any, float], None]] = []

    def lines(self, lines: Iterable[str], bold: bool = False) -> None:
        wrapped = [part for line in lines for part in textwrap.wrap(line, COLUMNS) or [""]]
        for line in _cut(wrapped):
            self._text(line, weight="bold" if bold else "normal", fontsize=10)

    def code(self, code: str) -> None:
        self._height += LINE / 2
        for line in _cut(code.splitlines()):
            self._text(line[:CODE_COLUMNS], family="monospace", fontsize=9)

    def verdict(self, verdict: str, words: str) -> None:
        name, _, colour, _ = SHAPES.get(verdict, SHAPES["cannot-tell"])

        def draw(figure: Any, top: float) -> None:
            shape = {"marker": MARKERS[name], "markersize": 13, "color": colour, "linestyle": ""}
            _line(figure, [MARGIN + 0.1], [top - 0.11], **shape)
            at = (MARGIN + 0.1) / WIDTH, (top - 0.12) / figure.get_figheight()
            symbol = SYMBOLS.get(verdict, "↓" if verdict == "spills" else "?")
            white = {"ha": "center", "va": "center", "color": "white", "weight": "bold"}
            figure.text(*at, symbol, fontsize=8, **white)

        self._drawings.append(self._at(draw))
        for line in _cut(textwrap.wrap(words, COLUMNS - 12)):
            self._text(line, left=0.32, weight="bold", fontsize=11)
        self._height += 0.06

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        table = [
            (label if number == 0 else "", line)
            for label, text in rows
            for number, line in enumerate(textwrap.wrap(text, COLUMNS - 22) or [""])
        ]
        for label, line in table[:LONGEST]:
            self._drawings.append(self._at(_text(label, weight="bold", fontsize=10)))
            self._text(line, left=1.6, fontsize=10)
        if len(table) > LONGEST:
            self._text("…", fontsize=10)

    def bar(self, bar: Bar) -> None:
        self.lines([bar.title()], bold=True)
        self._height += 0.12
        self._drawings.append(self._at(lambda figure, top: _draw_bar(figure, top, bar)))
        has_thin = any(not one.is_inside for one in labels(bar.placed()))
        self._height += 0.85 if has_thin else 0.5
        for part in bar.parts:
            self._drawings.append(self._at(_swatch(part)))
            self._text(f"{part.letter}  {part.name} {part.words()}", left=0.42, fontsize=10)
        self._drawings.append(self._at(_swatch(None)))
        self._text(" ".join(bar.rest()), left=0.42, fontsize=10)
        if bar.peak is not None:
            name, words = next((name, words) for sign, name, words in bar.rows() if sign == "^ ")
            self._text(f"▼  {name} {words}", left=0.42, fontsize=10)
        self.lines(bar.words)
        if bar.timeline:
            timeline = bar.timeline
            self._drawings.append(self._at(lambda figure, top: _draw_line(figure, top, timeline)))
            self._height += 0.75
            self.lines([timeline.words()])
        self._height += 0.1

    def png(self) -> bytes:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        height = self._height + MARGIN
        figure = Figure(figsize=(WIDTH, height), dpi=DOTS, facecolor="white")
        for draw in self._drawings:
            draw(figure, height)
        content = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a letter that the font lacks becomes a box
            FigureCanvasAgg(figure).print_png(content, metadata={"Software": None})
        return content.getvalue()

    def _text(self, line: str, left: float = 0.0, **style: Any) -> None:
        self._drawings.append(self._at(_text(line, left, **style)))
        self._height += LINE

    def _at(self, draw: Callable[[Any, float], None]) -> Callable[[Any, float], None]:
        """``draw`` at the page's present end; it is called with the inches from the bottom."""
        depth = self._height
        return lambda figure, height: draw(figure, height - depth)


def _text(line: str, left: float = 0.0, **style: Any) -> Callable[[Any, float], None]:
    def draw(figure: Any, top: float) -> None:
        at = (MARGIN + left) / WIDTH, (top - LINE / 2) / figure.get_figheight()
        figure.text(*at, line, va="center", color=INK, parse_math=False, **style)

    return draw


def _draw_bar(figure: Any, top: float, bar: Bar) -> None:
    whole = WIDTH - 2 * MARGIN
    for part, begin, width in bar.placed():
        _rectangle(figure, MARGIN + begin * whole, top - 0.36, width * whole, 0.36, part)
    for label in labels(bar.placed()):
        _label(figure, top, label)
    _rectangle(figure, MARGIN, top - 0.36, bar.memory / bar.span * whole, 0.36)
    if bar.peak is not None:
        at = MARGIN + bar.peak / bar.span * whole
        _line(figure, [at, at], [top - 0.4, top + 0.04])
        _line(figure, [at], [top + 0.06], marker="v", markersize=6)


def _label(figure: Any, top: float, label: Label) -> None:
    whole = WIDTH - 2 * MARGIN
    at, part_at = MARGIN + label.at * whole, MARGIN + label.part_at * whole
    up = top - (0.18 if label.is_inside else 0.62)
    style: dict[str, Any] = {"color": INK, "fontsize": 9, "ha": "center", "va": "center"}
    if label.is_inside:
        style |= {"bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1.5}}
    else:
        _line(figure, [part_at, at], [top - 0.38, top - 0.53], linewidth=1)
    figure.text(at / WIDTH, up / figure.get_figheight(), label.text, **style)


def _draw_line(figure: Any, top: float, timeline: Timeline) -> None:
    whole, height = WIDTH - 2 * MARGIN, 0.6
    bottom = top - 0.68
    placed = timeline.placed()
    at = [MARGIN + x * whole for x, _ in placed]
    _line(figure, at, [bottom + y * height for _, y in placed], color=COLOURS["weights"])
    _line(
        figure, [MARGIN, MARGIN, MARGIN + whole], [bottom + height, bottom, bottom], linewidth=0.8
    )


def _swatch(part: Part | None) -> Callable[[Any, float], None]:
    return lambda figure, top: _rectangle(figure, MARGIN + 0.05, top - 0.18, 0.28, 0.15, part)


def _rectangle(
    figure: Any, left: float, bottom: float, width: float, height: float, part: Part | None = None
) -> None:
    """In inches: solid if measured, hatched if predicted, empty with a frame for a device."""
    from matplotlib.patches import Rectangle

    colour = COLOURS[part.key] if part else INK
    figure.add_artist(
        Rectangle(
            (left, bottom),
            width,
            height,
            transform=figure.dpi_scale_trans,
            facecolor=colour if part and part.measured else "none",
            edgecolor=colour,
            hatch="////" if part and not part.measured else None,
            linewidth=1 if part else 1.5,
        )
    )


def _line(figure: Any, at: list[float], up: list[float], **style: Any) -> None:
    from matplotlib.lines import Line2D

    style = {"color": INK, "linewidth": 1.5, **style}
    figure.add_artist(Line2D(at, up, transform=figure.dpi_scale_trans, **style))


def _cut(lines: list[str]) -> list[str]:
    return lines if len(lines) <= LONGEST else [*lines[: LONGEST - 1], "…"]
