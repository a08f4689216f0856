"""``measure_memory``: what a loaded model and its cache hold, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from course_utils.errors import CourseError
from course_utils.memory.live_cache import measure_cache
from course_utils.report import Report
from course_utils.units import in_gb, in_gib

DISK, META = "disk", "meta"
STATE_TENSORS = (
    "absmax",
    "code",
    "offset",
)  # of bitsandbytes' QuantState; ``state2`` nests another


@dataclass(frozen=True, repr=False)
class MemoryMeasurement(Report):
    """Bytes of storage, each tensor once: parameters, buffers, quantization scales and tables.

    ``weights`` is what lies in memory. ``by_device`` splits it, and has "disk" and "meta" beside
    for what accelerate keeps on disk, and for tensors without memory. ``quantization_state`` is the
    part that ``get_memory_footprint()`` leaves out. On CUDA, over all GPUs: ``allocated`` by
    tensors, ``reserved`` by PyTorch's allocator, ``driver_used`` by everything that runs there.

    Where a live cache was measured too, ``kv_cache`` is the bytes of its keys and values, when
    ``cache_tokens`` of each sequence have gone through; ``cache_states`` is what else it keeps, and
    ``cache_by_device`` splits both.
    """

    model: str
    weights: int
    by_device: dict[str, int]
    quantization_state: int
    allocated: int | None = None
    reserved: int | None = None
    driver_used: int | None = None
    notes: tuple[str, ...] = ()
    kv_cache: int | None = None
    cache_states: int = 0
    cache_tokens: int | None = None
    cache_by_device: dict[str, int] = field(default_factory=dict)

    def title(self) -> str:
        return f"{self.model}, as it is in memory now"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "weights", in_full(self.weights)
        if self.quantization_state:
            yield "of it", f"{in_full(self.quantization_state)} of scales and tables"
        for device, count in self.by_device.items():
            yield f"on {device}", in_full(count)
        if self.kv_cache is not None:
            yield "KV cache", f"{in_full(self.kv_cache)}, {self.cache_tokens:,} tokens"
        if self.cache_states:
            yield "cache states", in_full(self.cache_states)
        for device, count in self.cache_by_device.items():
            yield f"on {device}", in_full(count)
        for name in ("allocated", "reserved", "driver_used"):
            count = getattr(self, name)
            if count is not None:
                yield name.replace("_", " "), in_full(count)
        for note in self.notes:
            yield "note", note


def measure_memory(model: Any, cache: Any = None) -> MemoryMeasurement:
    """What a model holds at this moment. Measure before the first forward to see what was loaded.

    Args:
        model: any ``torch.nn.Module``.
        cache: a cache of transformers that is in use, such as the ``DynamicCache`` that was given
            to the model or that its output holds. None measures the model alone.

    Raises:
        CourseError: it is none, or the cache is none.
    """
    if not hasattr(model, "named_modules"):
        raise CourseError(
            f"measure_memory accepts a loaded model, a torch.nn.Module, not {type(model).__name__}."
        )
    by_device: dict[str, int] = {}
    state = 0
    seen = set()
    for place, tensor, is_state in _tensors(model):
        storage = tensor.untyped_storage()
        identity = (place, storage.data_ptr() or id(tensor))
        if identity in seen:
            continue
        seen.add(identity)
        by_device[place] = by_device.get(place, 0) + storage.nbytes()
        state += storage.nbytes() if is_state else 0
    weights = sum(count for place, count in by_device.items() if place not in (DISK, META))
    found = MemoryMeasurement(type(model).__name__, weights, by_device, state)
    if cache is not None:
        found = with_cache(found, cache)
    return with_cuda(found) if any(place.startswith("cuda") for place in by_device) else found


def with_cache(found: MemoryMeasurement, cache: Any) -> MemoryMeasurement:
    live = measure_cache(cache)
    return replace(
        found,
        kv_cache=sum(live.keys_and_values.values()),
        cache_states=sum(live.states.values()),
        cache_tokens=live.tokens,
        cache_by_device=live.by_device,
    )


def _tensors(model: Any) -> Iterator[tuple[str, Any, bool]]:
    """Where it is, the tensor, and whether it is a scale or table of a quantized one."""
    for module in model.modules():
        for name, tensor in (*module._parameters.items(), *module._buffers.items()):
            if tensor is None:
                continue
            yield _place(module, name, tensor), tensor, False
            scales = [*_scales(getattr(tensor, "quant_state", None)), getattr(tensor, "SCB", None)]
            for scale in scales:
                if scale is not None:
                    yield str(scale.device), scale, True
        state = getattr(module, "state", None)  # where int8 weights move when they are used
        for name, tensor in getattr(state, "__dict__", {}).items():
            if hasattr(tensor, "untyped_storage"):
                yield str(tensor.device), tensor, name != "CB"


def _scales(state: Any) -> Iterator[Any]:
    while state is not None:
        for name in STATE_TENSORS:
            yield getattr(state, name, None)
        state = getattr(state, "state2", None)


def _place(module: Any, name: str, tensor: Any) -> str:
    """The device; for a stand-in of accelerate's, where the real tensor waits for its turn."""
    if tensor.device.type != META:
        return str(tensor.device)
    waiting = getattr(getattr(module, "_hf_hook", None), "weights_map", None)
    key = f"{getattr(waiting, 'prefix', '')}{name}"
    shelf = getattr(waiting, "dataset", None)
    if key in getattr(shelf, "state_dict", ()):
        return "cpu"
    return DISK if key in getattr(shelf, "index", ()) else META


def with_cuda(found: MemoryMeasurement) -> MemoryMeasurement:
    """Adds what the allocator and the driver say, and the gaps between them in words."""
    import torch

    gpus = range(torch.cuda.device_count())
    allocated = sum(torch.cuda.memory_allocated(gpu) for gpu in gpus)
    reserved = sum(torch.cuda.memory_reserved(gpu) for gpu in gpus)
    free_and_total = [torch.cuda.mem_get_info(gpu) for gpu in gpus]
    driver = sum(total - free for free, total in free_and_total)
    held = (*found.by_device.items(), *found.cache_by_device.items())
    on_gpus = sum(size for place, size in held if place.startswith("cuda"))
    counted = "weights" if found.kv_cache is None else "weights and the cache"
    gaps = (
        (allocated - on_gpus, f"allocated beyond the {counted}: other tensors, rounding to 512 B"),
        (reserved - allocated, "reserved and empty: kept for the next tensors, not given back"),
        (driver - reserved, "beyond PyTorch: the CUDA context, libraries, other programs"),
    )
    notes = tuple(f"{in_gib(size)} {what}" for size, what in gaps if size > 0)
    return replace(found, allocated=allocated, reserved=reserved, driver_used=driver, notes=notes)


def in_full(count: int) -> str:
    """16_000_000_000 -> "16,000,000,000 bytes = 16.0 GB = 14.9 GiB"."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count:,} bytes = {in_gb(count)} = {in_gib(count)}"
