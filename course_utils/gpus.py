"""The device in this machine: a CUDA GPU, Apple silicon, or a CPU with its RAM."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from course_utils.report import Report
from course_utils.units import in_gib

CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, repr=False)
class Device(Report):
    """Where a model would run. Sizes in bytes, as the driver (or the system) reports them.

    ``kind`` is "cuda", "mps" or "cpu". For "cpu" and "mps" the memory is the machine's RAM, which
    everything else on the machine shares.
    """

    kind: str
    name: str
    memory: int
    free: int
    compute_capability: str | None = None
    native_bf16: bool | None = None
    count: int = 1

    @property
    def is_gpu(self) -> bool:
        return self.kind != "cpu"

    def title(self) -> str:
        return f"{self.count} × {self.name}" if self.count > 1 else self.name

    def memory_text(self) -> str:
        what = "VRAM" if self.kind == "cuda" else "RAM"
        return f"{in_gib(self.memory)} {what}, {in_gib(self.free)} free"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "memory", self.memory_text()
        if self.compute_capability:
            yield "compute capability", self.compute_capability
        if self.native_bf16 is not None:
            yield "native bfloat16", "yes" if self.native_bf16 else "no: use float16"


def current_device() -> Device:
    """The device that torch would use first. Imports torch."""
    try:
        import torch
    except (ImportError, OSError):  # not installed, or a build whose CUDA libraries are not there
        return _cpu()
    if torch.cuda.is_available():
        return _cuda()
    if torch.backends.mps.is_available():
        return _apple()
    return _cpu()


def _cuda() -> Device:
    import torch

    properties = torch.cuda.get_device_properties(0)
    free, total = torch.cuda.mem_get_info(0)
    return Device(
        kind="cuda",
        name=properties.name,
        memory=total,
        free=free,
        compute_capability=f"{properties.major}.{properties.minor}",
        native_bf16=torch.cuda.is_bf16_supported(including_emulation=False),
        count=torch.cuda.device_count(),
    )


def _apple() -> Device:
    total, free = _ram()
    return Device("mps", f"Apple {platform.machine()} (MPS)", total, free)


def _cpu() -> Device:
    total, free = _ram()
    return Device("cpu", f"CPU ({platform.machine()}), no GPU", total, free)


def _ram() -> tuple[int, int]:
    """Total and available RAM in bytes; in a container, no more than it may use."""
    import psutil

    memory = psutil.virtual_memory()
    try:
        limit = int(CGROUP_LIMIT.read_text())
    except (OSError, ValueError):
        limit = memory.total
    return min(memory.total, limit), min(memory.available, limit)
