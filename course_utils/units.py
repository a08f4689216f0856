"""Bytes and counts as people read them. Inside the package they are ``int``; the edge formats."""

from __future__ import annotations

GB = 10**9
GIB = 2**30


def in_gb(count: int) -> str:
    """Decimal, as disks and download pages count: 16_000_000_000 -> "16.0 GB"."""
    return _with_unit(count, 1000, ("B", "kB", "MB", "GB", "TB"))


def in_gib(count: int) -> str:
    """Binary, as torch and drivers count: 16_000_000_000 -> "14.9 GiB"."""
    return _with_unit(count, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def in_count(count: int) -> str:
    """Parameters, as model names count them: 7_615_616_512 -> "7.6B"."""
    for step, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= step:
            return f"{count / step:.1f}{letter}"
    return str(count)


def _with_unit(count: int, step: int, units: tuple[str, ...]) -> str:
    if count < 0:
        raise ValueError(f"A number of bytes cannot be negative: {count}")
    size = float(count)
    for unit in units:
        if size < step or unit == units[-1]:
            break
        size /= step
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"
