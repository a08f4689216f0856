"""What a process takes of a GPU, and what it may take: asked of torch, the driver and the logs."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any


def is_out_of_memory(error: BaseException | None, said: Iterable[str] = ()) -> bool:
    """Memory that ran out while transformers quantizes is only in what it logs: the error itself
    speaks of issues during conversion."""
    texts = list(said)
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    return any("out of memory" in text.lower() for text in texts)


@contextmanager
def heard() -> Iterator[list[str]]:
    """What transformers logs meanwhile."""
    from transformers.utils import logging as library

    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    listener = Listener()
    library.add_handler(listener)
    try:
        yield said
    finally:
        library.remove_handler(listener)


def reset_peak(device: str) -> None:
    import torch

    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()


def peak_of(device: str) -> int | None:
    """The most that the process took from the driver; None where there is no CUDA to ask."""
    import torch

    if not device.startswith("cuda"):
        return None
    return torch.cuda.max_memory_reserved() + context_bytes()


def empty_cache(device: str) -> None:
    import torch

    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()


def context_bytes() -> int:
    """What the driver counts beyond the allocator: the CUDA context, libraries, and other processes
    on this GPU."""
    import torch

    free, total = driver_memory()
    return total - free - torch.cuda.memory_reserved()


def driver_memory() -> tuple[int, int]:
    import torch

    return torch.cuda.cudart().cudaMemGetInfo(0)


@contextmanager
def capped(memory: int) -> Iterator[None]:
    """The GPU as if it had only this much: for the allocator, and for libraries that ask.

    The CUDA context stays the one of this GPU, which may be larger than the smaller card's.
    """
    import torch

    context, total = context_bytes(), driver_memory()[1]
    within = min(memory, total) - context
    asked = torch.cuda.mem_get_info

    def as_if(device: Any = None) -> tuple[int, int]:
        return max(0, within - torch.cuda.memory_reserved()), memory

    torch.cuda.set_per_process_memory_fraction(within / total)
    torch.cuda.mem_get_info = as_if
    try:
        yield
    finally:
        torch.cuda.mem_get_info = asked
        torch.cuda.set_per_process_memory_fraction(1.0)
