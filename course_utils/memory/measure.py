"""``measure_memory``: what is resident, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from course_utils.report import Report
from course_utils.units import in_gb, in_gib


@dataclass(frozen=True, repr=False)
class MemoryMeasurement(Report):
    """Bytes of storage of a model's tensors, quantization state and buffers included."""

    model: str
    weights: int
    by_device: dict[str, int]
    quantization_state: int
    allocated: int | None = None
    reserved: int | None = None
    driver_used: int | None = None
    notes: tuple[str, ...] = ()

    def title(self) -> str:
        return f"{self.model}, as loaded"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "weights", f"{self.weights:,} bytes = {in_gb(self.weights)} = {in_gib(self.weights)}"
        for device, count in self.by_device.items():
            yield f"on {device}", f"{in_gb(count)} = {in_gib(count)}"
        for note in self.notes:
            yield "note", note


def measure_memory(model: Any) -> MemoryMeasurement:
    by_device: dict[str, int] = {}
    state = 0
    seen: set[tuple[str, int]] = set()
    for tensor, is_state in _tensors(model):
        storage = tensor.untyped_storage()
        key = (str(tensor.device), storage.data_ptr() or id(tensor))
        if key in seen:
            continue
        seen.add(key)
        size = storage.nbytes()
        by_device[str(tensor.device)] = by_device.get(str(tensor.device), 0) + size
        state += size if is_state else 0
    total = sum(by_device.values())
    return MemoryMeasurement(type(model).__name__, total, by_device, state)


def _tensors(model: Any) -> Iterator[tuple[Any, bool]]:
    for module in model.modules():
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is None:
                continue
            yield tensor, False
            quant_state = getattr(tensor, "quant_state", None)
            for one in _state_tensors(quant_state):
                yield one, True
            for name in ("SCB",):
                one = getattr(tensor, name, None)
                if one is not None:
                    yield one, True
        matmul_state = getattr(module, "state", None)
        for name in ("CB", "SCB"):
            one = getattr(matmul_state, name, None)
            if one is not None:
                yield one, name == "SCB"


def _state_tensors(state: Any) -> Iterator[Any]:
    if state is None:
        return
    for name in ("absmax", "code", "offset"):
        one = getattr(state, name, None)
        if one is not None:
            yield one
    yield from _state_tensors(getattr(state, "state2", None))
