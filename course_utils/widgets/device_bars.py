"""The bar of a device: what is in use there, and what an estimate would add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from course_utils.fit.ways import needed_on, verdict
from course_utils.gpus import Device, Gpu
from course_utils.memory import MemoryEstimate, MemoryMeasurement
from course_utils.text import in_tokens
from course_utils.units import in_gib
from course_utils.widgets.bars import Bar, Part, check_bytes
from course_utils.widgets.memory_readings import Reading


def planned_bar(gpu: Gpu, estimate: MemoryEstimate | None) -> Bar:
    """A GPU that need not be here, with nothing on it but the prediction."""
    parts: tuple[Part, ...] = ()
    words: tuple[str, ...] = ()
    if estimate:
        parts = (*predicted_parts(estimate), runtime_part(estimate))
        words = (needed_words(gpu, estimate, gpu.memory),)
    return Bar(f"{gpu.name}, planned", gpu.memory, parts, words=words)


def live_bar(
    reading: Reading,
    target: Device,
    estimate: MemoryEstimate | None,
    measurement: MemoryMeasurement | None = None,
    **more: Any,
) -> Bar:
    """A device of this machine: what is in use, and what the estimate will add to it."""
    weights = _on(reading, measurement.by_device if measurement else {})
    cache = _on(reading, measurement.cache_by_device if measurement else {})
    ours = max(weights + cache, reading.held)
    parts = [Part("others", max(0, reading.used - ours), measured=True)]
    if weights:
        parts.append(Part("weights", weights, measured=True))
    if measurement and cache:
        note = f"{measurement.cache_tokens:,} tokens"
        parts.append(Part("cache", cache, measured=True, note=note))
    if ours > weights + cache:
        parts.append(Part("besides", ours - weights - cache, measured=True))
    words: tuple[str, ...] = ()
    if estimate and measurement is None:
        words = (needed_words(target, estimate, reading.memory - sum(p.bytes for p in parts)),)
        parts += predicted_parts(estimate)
        parts += [runtime_part(estimate)] if reading.is_gpu else []
    elif estimate and measurement and weights == measurement.weights:
        known = {"weights"} if measurement.kv_cache is None else {"weights", "cache", "states"}
        parts += [part for part in predicted_parts(estimate) if part.key not in known]
    return Bar(reading.name, reading.memory, tuple(parts), words=words, **more)


def _on(reading: Reading, by_device: Mapping[str, int]) -> int:
    return sum(count for device, count in by_device.items() if reading.has(device))


def predicted_parts(estimate: MemoryEstimate) -> Iterator[Part]:
    low, high = (in_gib(end) for end in estimate.weights_range)
    basis = estimate.weights_basis
    note = f"between {low} and {high}" if basis == "range" else basis
    yield Part("weights", estimate.weights, measured=False, note=note)
    tokens = in_tokens(estimate.context, estimate.batch)
    yield Part("cache", estimate.kv_cache, measured=False, note=tokens)
    if estimate.cache_states:
        yield Part("states", estimate.cache_states, measured=False)
    if estimate.attention.high:
        yield Part("attention", estimate.attention.expected, measured=False)
    yield Part("activations", estimate.activations.expected, measured=False)


def runtime_part(estimate: MemoryEstimate) -> Part:
    return Part("runtime", estimate.runtime.expected, measured=False)


def needed_words(target: Gpu | Device, estimate: MemoryEstimate, room: int) -> str:
    needed = needed_on(target, estimate)
    check_bytes(estimate.model, low=needed.low, expected=needed.expected, high=needed.high)
    judged = verdict(needed, room)
    return (
        f"{estimate.title()}: {in_gib(needed.low)} to {in_gib(needed.high)}, "
        f"expect {in_gib(needed.expected)}, of {in_gib(max(0, room))}: {judged}"
    )
