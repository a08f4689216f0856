"""GPUs by name, and this machine's device: a CUDA GPU, Apple silicon, or a CPU with its RAM."""

from __future__ import annotations

import csv
import ctypes
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from course_utils.errors import CourseError
from course_utils.report import Report
from course_utils.text import nearest
from course_utils.units import in_gib

TABLE = Path(__file__).parent / "gpus.csv"
UNITS = {"B": 1, "MiB": 2**20, "GiB": 2**30}
SMALLEST = 2**20  # fewer bytes than this were meant in another unit
MAKER_WORDS = ("nvidia", "geforce", "tesla")

AMD_DRIVER = Path("/dev/kfd")
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
            yield "native bfloat16", bf16_words(self.native_bf16)


@dataclass(frozen=True, repr=False)
class Gpu(Report):
    """A GPU to plan for. ``memory`` is in bytes, as torch reports it; ``marketing_gb`` as shops do.

    ``evidence`` says how ``memory`` is known. A figure given there in MiB or GiB was rounded before
    anybody wrote it down.
    """

    kind: ClassVar[str] = "cuda"

    name: str
    memory: int
    marketing_gb: int | None
    compute_capability: str | None
    native_bf16: bool | None
    evidence: str
    aliases: tuple[str, ...] = ()

    def title(self) -> str:
        return self.name

    def rows(self) -> Iterator[tuple[str, str]]:
        yield "memory", f"{in_gib(self.memory)} as torch reports it"
        if self.marketing_gb:
            yield "sold as", f"{self.marketing_gb} GB"
        if self.compute_capability:
            yield "compute capability", self.compute_capability
        if self.native_bf16 is not None:
            yield "native bfloat16", bf16_words(self.native_bf16)
        yield "evidence", self.evidence


class UnknownGpu(CourseError, KeyError):
    """A name that the table of GPUs does not hold."""

    __str__ = Exception.__str__  # KeyError would show the message in quotes


class _Gpus(Mapping[str, Gpu]):
    """The GPUs of ``gpus.csv`` by name. Case, spaces, hyphens and the maker do not matter.

    Where a name comes in two sizes, the short one means the smaller: "A100" is the 40 GB card.
    """

    def __getitem__(self, name: str) -> Gpu:
        """The GPU of that name or alias.

        Raises:
            CourseError: nobody here knows it; the message names the nearest and all that are known.
        """
        spelling = _spelling(name)
        if spelling in self._by_spelling:
            return self._by_spelling[spelling]
        near = nearest(spelling, self._by_spelling)
        guess = f" The nearest is {self._by_spelling[near[0]].name}." if near else ""
        raise UnknownGpu(
            f"There is no GPU {name!r} in the table.{guess} Known: {', '.join(self)}. "
            "For any other, give its memory in bytes."
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __repr__(self) -> str:
        return "\n".join(f"{gpu.name:<16}{in_gib(gpu.memory):>10}" for gpu in self.values())

    @cached_property
    def _by_name(self) -> dict[str, Gpu]:
        with TABLE.open(encoding="utf-8", newline="") as lines:
            return {row["name"]: _gpu(row) for row in csv.DictReader(lines)}

    @cached_property
    def _by_spelling(self) -> dict[str, Gpu]:
        return {
            _spelling(name): gpu
            for gpu in self._by_name.values()
            for name in (gpu.name, *gpu.aliases)
        }


GPUS = _Gpus()


def planned_for(gpu: str | int | Gpu | Device | None) -> Gpu | Device:
    """What a learner means by a GPU: a name, "cpu", bytes, a ``Gpu`` or ``Device``, None for here.

    Raises:
        CourseError: it is none of these; the message says what is accepted.
    """
    if gpu is None:
        return current_device()
    if isinstance(gpu, (Gpu, Device)):
        return gpu
    if isinstance(gpu, str):
        return cpu_device() if gpu.strip().casefold() == "cpu" else GPUS[gpu]
    if isinstance(gpu, int) and gpu >= SMALLEST:
        return Gpu(f"a GPU of {gpu:,} bytes", gpu, None, None, None, "as given")
    raise CourseError(
        f'{gpu!r} is no GPU. Give a name ({", ".join(GPUS)}), "cpu", or the memory in bytes: '
        "16 * 2**30 for 16 GiB."
    )


def has_native_bf16(compute_capability: str) -> bool:
    """Whether the GPU computes in bfloat16 itself: from Ampere, compute capability 8.0, on."""
    return int(compute_capability.split(".")[0]) >= 8


def bf16_words(native: bool) -> str:
    return "yes" if native else "no: use float16"


def _spelling(name: str) -> str:
    words = re.findall(r"[a-z0-9]+", str(name).casefold())
    return "".join(word for word in words if word not in MAKER_WORDS)


def _gpu(row: dict[str, str]) -> Gpu:
    size, unit = row["memory"].split()
    return Gpu(
        name=row["name"],
        memory=round(float(size) * UNITS[unit]),
        marketing_gb=int(row["marketing_gb"]),
        compute_capability=row["compute_capability"],
        native_bf16=has_native_bf16(row["compute_capability"]),
        evidence=row["evidence"],
        aliases=tuple(alias for alias in row["aliases"].split("; ") if alias),
    )


def current_device() -> Device:
    """The device that torch would use first. Imports torch only where there may be a GPU."""
    if not may_have_gpu():
        return cpu_device()
    try:
        import torch
    except (ImportError, OSError):  # not installed, or a build whose CUDA libraries are not there
        return cpu_device()
    if torch.cuda.is_available():
        return _cuda()
    if torch.backends.mps.is_available():
        return _apple()
    return cpu_device()


def may_have_gpu() -> bool:
    """False where torch cannot find a GPU: no NVIDIA or AMD driver, and no Apple silicon.

    Importing torch takes seconds, looking for a driver's library does not.
    """
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if AMD_DRIVER.exists():
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


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


def cpu_device() -> Device:
    """This machine without its GPU: the model would lie in RAM."""
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
