"""What is in use right now: one reading for each GPU, or one of the RAM where there is no GPU."""

from __future__ import annotations

from dataclasses import dataclass

from course_utils.gpus import Device, cpu_device, current_device

RAM = "this machine's RAM"


@dataclass(frozen=True)
class Reading:
    """Bytes of one device. ``key`` is its name in torch, "cuda:0" or "cpu".

    ``held`` is what torch's allocator in this kernel has taken of a GPU, ``most_allocated`` the
    most of it that tensors ever filled; both are 0 for RAM, where nobody counts them.
    """

    name: str
    key: str
    memory: int
    free: int
    held: int = 0
    most_allocated: int = 0

    @property
    def used(self) -> int:
        return self.memory - self.free

    @property
    def is_gpu(self) -> bool:
        return self.key.startswith("cuda")

    def has(self, device: str) -> bool:
        """Whether tensors on this device of torch lie here. Apple's GPU has no memory but RAM."""
        return device == self.key or (not self.is_gpu and device.startswith("mps"))


def read(kind: str) -> tuple[Reading, ...]:
    """All GPUs for "cuda", else the RAM."""
    if kind == "cuda":
        return tuple(_gpu(number) for number in range(current_device().count))
    return (of_device(cpu_device()),)


def of_device(device: Device) -> Reading:
    if device.kind == "cuda":
        return _gpu(0)
    return Reading(RAM, "cpu", device.memory, device.free)


def _gpu(number: int) -> Reading:
    import torch

    free, total = torch.cuda.mem_get_info(number)
    return Reading(
        name=f"GPU {number}, {torch.cuda.get_device_properties(number).name}",
        key=f"cuda:{number}",
        memory=total,
        free=free,
        held=torch.cuda.memory_reserved(number),
        most_allocated=torch.cuda.max_memory_allocated(number),
    )
