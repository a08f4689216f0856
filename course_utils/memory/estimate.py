"""``estimate_memory``: what a model will take, before anything is downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from course_utils.report import Report
from course_utils.units import in_gb, in_gib


@dataclass(frozen=True)
class Range:
    """Bytes, and what they rest on."""

    low: int
    expected: int
    high: int
    basis: str


@dataclass(frozen=True, repr=False)
class MemoryEstimate(Report):
    """What a model takes when it is loaded and used. All sizes in bytes.

    ``weights_basis`` is "exact" (the sum of the tensors' storage right after loading), "stored"
    (what the checkpoint holds) or "range" (between the two ends of ``weights_range``).
    ``kv_cache`` holds after a decode step, ``kv_cache_prefill`` when the whole context went through
    at once. ``active_parameters`` is given for a mixture of experts. ``stored`` is what the
    checkpoint's tensors take on disk, where that is known.
    """

    model: str
    dtype: str
    quantization: str | None
    context: int
    batch: int
    parameters: int
    active_parameters: int | None
    weights: int
    weights_basis: str
    weights_range: tuple[int, int]
    kv_cache: int
    kv_cache_prefill: int
    activations: Range
    runtime: Range
    total: Range
    stored: int | None = None
    notes: tuple[str, ...] = ()

    def title(self) -> str:
        how = self.quantization or self.dtype
        return f"{self.model} in {how}"

    def rows(self) -> Iterator[tuple[str, str]]:
        active = f", {self.active_parameters / 1e9:.2f} e9 active" if self.active_parameters else ""
        yield "parameters", f"{self.parameters / 1e9:.2f} e9{active}"
        yield "weights", f"{_both(self.weights)} ({self.weights_basis})"
        tokens = f"{self.context:,} tokens" + (f" × {self.batch}" if self.batch > 1 else "")
        yield "KV cache", f"{_both(self.kv_cache)} for {tokens}"
        for name in ("activations", "runtime", "total"):
            yield name, _range(getattr(self, name))
        for note in self.notes:
            yield "note", note


def _both(count: int) -> str:
    return f"{in_gb(count)} = {in_gib(count)}"


def _range(found: Range) -> str:
    return f"{in_gib(found.low)} to {in_gib(found.high)}, expect {in_gib(found.expected)}"


def estimate_memory(
    model: Any,
    dtype: str | None = None,
    quantization: str | None = None,
    context: int = 2048,
    batch: int = 1,
) -> MemoryEstimate:
    from course_utils.memory.full import full_estimate

    return full_estimate(model, dtype, quantization, context, batch)
