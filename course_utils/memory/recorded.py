"""``recorded_runs``: what was measured once on a CUDA GPU, for a machine that has none.

The files in ``runs`` are those that ``python -m benchmarks.cuda`` writes, unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.report import TableReport
from course_utils.text import known
from course_utils.units import in_gib

RUNS = Path(__file__).with_name("runs")
NONE_YET = "predicted only, for no run on a CUDA GPU is recorded yet"
MAKE_ONE = "`python -m benchmarks.cuda --json FILE` makes one, on a machine with a CUDA GPU"


@dataclass(frozen=True)
class RecordedRun:
    """One model, loaded in one way, with so many tokens. Sizes in bytes.

    ``peak`` is the most that the process took from the driver, and ``peak_predicted`` the low,
    expected and high end of what ``estimate_memory`` said. ``peak`` and ``kv_cache`` are None where
    memory ran out.
    """

    date: str
    gpu: str
    versions: Mapping[str, str]
    model: str
    dtype: str
    quantization: str | None
    context: int
    weights_predicted: int
    weights: int | None
    kv_cache: int | None = None
    kv_cache_predicted: int | None = None
    peak: int | None = None
    peak_predicted: Sequence[int] | None = None

    @property
    def worked(self) -> bool:
        return self.kv_cache is not None


@dataclass(frozen=True, repr=False)
class RecordedRuns(TableReport, Sequence[RecordedRun]):
    """The runs of one model that are recorded, the newest first. It may be empty, and says so."""

    model: str
    runs: tuple[RecordedRun, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, place: Any) -> Any:
        return self.runs[place]

    def __len__(self) -> int:
        return len(self.runs)

    def title(self) -> str:
        return f"{self.model}: {'recorded runs' if self.runs else NONE_YET}"

    def columns(self) -> tuple[str, ...]:
        return "date", "GPU", "way", "tokens", "weights", "as predicted", "peak", "predicted"

    def lines(self) -> Iterator[tuple[str, ...]]:
        for run in self.runs:
            ends = run.peak_predicted
            yield (
                run.date,
                run.gpu,
                run.quantization or run.dtype,
                f"{run.context:,}",
                known(run.weights, in_gib),
                _difference(run),
                known(run.peak, in_gib) if run.worked else "out of memory",
                f"{in_gib(ends[0])} to {in_gib(ends[2])}" if ends else "",
            )


def recorded_runs(
    model: str, dtype: str | None = None, quantization: str | None = None
) -> RecordedRuns:
    """What was measured on a CUDA GPU of a model of full size, beside what had been predicted.

    Args:
        model: repo id.
        dtype: only runs in this dtype. None: in any.
        quantization: only runs quantized so. None: any way.
    """
    found = [
        run
        for path in sorted(RUNS.glob("*.json"))
        for run in read_runs(json.loads(path.read_text(encoding="utf-8")))
        if run.model == model
        and dtype in (None, run.dtype)
        and quantization in (None, run.quantization)
    ]
    found.sort(key=lambda run: run.date, reverse=True)
    if not found:
        return RecordedRuns(model, (), (MAKE_ONE,))
    versions = ", ".join(f"{name} {number}" for name, number in found[0].versions.items())
    return RecordedRuns(model, tuple(found), (f"the newest with {versions}",))


def read_runs(report: Mapping[str, Any]) -> Iterator[RecordedRun]:
    """The runs in what ``benchmarks.cuda`` wrote; loads that it left out are none."""
    for load in report["loads"]:
        for run in load["contexts"]:
            yield RecordedRun(
                date=report["date"],
                gpu=report["gpu"],
                versions=report["versions"],
                model=load["model"],
                dtype=load["dtype"],
                quantization=load["quantization"],
                context=run["context"],
                weights_predicted=load["weights_predicted"],
                weights=load["weights"],
                kv_cache=run.get("cache"),
                kv_cache_predicted=run.get("cache_predicted"),
                peak=run.get("peak"),
                peak_predicted=run.get("total_predicted"),
            )


def _difference(run: RecordedRun) -> str:
    if run.weights is None:
        return ""
    off = run.weights - run.weights_predicted
    return "to the byte" if off == 0 else f"{off:+,} bytes"
