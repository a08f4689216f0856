"""Reads the devices while a cell runs, from a thread that can neither hold it up nor outlive it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from course_utils.widgets.memory_readings import Reading
from course_utils.widgets.timeline import Timeline

SECONDS = 0.1  # between two readings at first; doubled whenever the points become too many
PAINT_SECONDS = 0.5
MOST_POINTS = 240
LONGEST = 3600.0


class Sampler:
    """Samples from ``start()`` to ``stop()``, an hour at most, and keeps 240 points at most.

    ``paint`` is called twice a second. What goes wrong in here ends in ``trouble``, never in the
    cell that is watched.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], tuple[Reading, ...]],
        paint: Callable[[], None],
    ) -> None:
        self.name = name
        self.trouble = ""
        self._read, self._paint = read, paint
        self._seconds = SECONDS
        self._points: list[tuple[float, tuple[Reading, ...]]] = []
        self._began: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {name}", daemon=True)

    @property
    def running(self) -> bool:
        return self._thread.is_alive() and not self._over.is_set()

    def start(self) -> None:
        self._sample()
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(1.0)  # a driver that hangs must not hang the cell
        self._sample()

    def timeline(self, device: int) -> Timeline:
        """The timeline of the device at this place among the readings."""
        points = tuple((at, readings[device].used) for at, readings in list(self._points))
        return Timeline(self.name, points, self.running)

    def most_allocated(self, device: int) -> int | None:
        """The most that tensors filled there during this watch, where the allocator could tell.

        It counts every byte while samples may miss a short peak, but its record counts only if it
        was broken during this watch.
        """
        record = [readings[device].most_allocated for _, readings in list(self._points)]
        return record[-1] if record and record[-1] > record[0] else None

    def peak(self, device: int) -> int | None:
        """The most that was in use there, by anybody."""
        readings = [readings[device] for _, readings in list(self._points)]
        if not readings:
            return None
        last, most = readings[-1], self.most_allocated(device) or 0
        return max(*(reading.used for reading in readings), last.used - last.held + most)

    def _run(self) -> None:
        painted = 0.0
        while not self._over.wait(self._seconds) and self._seconds_since_began() < LONGEST:
            self._sample()
            if time.monotonic() - painted >= PAINT_SECONDS:
                self._try(self._paint)
                painted = time.monotonic()
            if self.trouble:
                return

    def _sample(self) -> None:
        readings = self._try(self._read)
        if readings is not None:
            self._points.append((self._seconds_since_began(), readings))
        if len(self._points) > MOST_POINTS:
            self._thin()

    def _seconds_since_began(self) -> float:
        """Seconds since the first reading, which starts the clock."""
        now = time.monotonic()
        self._began = self._began or now
        return now - self._began

    def _try(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception as error:  # a driver's, or torch's: said in the gauge, not in the cell
            self.trouble = f"watching stopped: {type(error).__name__}: {error}"
            return None

    def _thin(self) -> None:
        """Keep the higher one of each two points, and sample half as often from now on."""
        first, *between, last = self._points
        pairs = [between[place : place + 2] for place in range(0, len(between), 2)]
        self._points = [first, *(max(pair, key=_in_use) for pair in pairs), last]
        self._seconds *= 2


def _in_use(point: tuple[float, tuple[Reading, ...]]) -> int:
    return sum(reading.used for reading in point[1])
