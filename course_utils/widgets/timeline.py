"""Memory over time while a cell ran: a line of points, bounded however long it takes."""

from __future__ import annotations

import html
from dataclasses import dataclass

from course_utils.units import in_gib

WIDTH, HEIGHT = 600, 60  # of the drawing's own coordinates; it is stretched to the page


@dataclass(frozen=True)
class Timeline:
    """``points`` are seconds since the beginning and bytes in use then."""

    name: str
    points: tuple[tuple[float, int], ...]
    running: bool = False

    @property
    def seconds(self) -> float:
        return self.points[-1][0] if self.points else 0.0

    @property
    def lowest(self) -> int:
        return min((count for _, count in self.points), default=0)

    @property
    def peak(self) -> int:
        return max((count for _, count in self.points), default=0)

    def words(self) -> str:
        if not self.points:
            return f"{self.name}: no sample yet"
        grown = self.points[-1][1] - self.points[0][1]
        sign = "less" if grown < 0 else "more"
        when = "so far" if self.running else "in all"
        return (
            f"{self.name}: {self.seconds:.1f} s {when}, from {in_gib(self.points[0][1])} in use to "
            f"{in_gib(self.points[-1][1])} ({in_gib(abs(grown))} {sign}), peak {in_gib(self.peak)}"
        )

    def placed(self) -> list[tuple[float, float]]:
        """The points as shares of the drawing's width and height, from its lower left corner."""
        height = self.peak - self.lowest or 1
        length = self.seconds or 1.0
        return [(at / length, (count - self.lowest) / height) for at, count in self.points]

    def as_html(self) -> str:
        words = html.escape(self.words())
        # A line needs two points; a single one is drawn as a line that goes nowhere yet.
        placed = self.placed() or [(0.0, 0.0)]
        points = " ".join(f"{x * WIDTH:.1f},{(1 - y) * HEIGHT:.1f}" for x, y in placed)
        return (
            f'<svg class="cu-line" role="img" aria-label="{words}" viewBox="0 -2 {WIDTH} '
            f'{HEIGHT + 4}" preserveAspectRatio="none"><polyline points="{points}" fill="none" '
            'stroke="#0072b2" stroke-width="2.5" vector-effect="non-scaling-stroke"/></svg>'
            f"<p>{words}</p>"
        )
