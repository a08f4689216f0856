"""What torch's CUDA allocator holds beyond the tensors that are asked of it.

By the rules of ``c10/cuda/CUDACachingAllocator.cpp`` (``should_split``, ``get_allocation_size``):

- each tensor is rounded up to 512 bytes;
- a tensor of 10 MiB or more that finds no free block gets a segment of its own, a multiple of
  2 MiB; what is left over there is split off for others only if it is more than 1 MiB;
- any other tensor above 1 MiB may keep up to 1 MiB of its block in the same way;
- cuBLAS works in 8.1 MiB, on GPUs of compute capability 9.0 in 32 MiB.

transformers reserves the room for all weights in one block before it loads them (since 2025,
``caching_allocator_warmup``), from which they are cut exactly; where it cannot, each gets a segment
of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

MIB = 2**20
ALLOCATION = 512  # bytes
SPLIT = MIB  # what is left over of a block is split off only if it is more
OWN_SEGMENT = 10 * MIB
SEGMENT_STEP = 2 * MIB
SHARED_SEGMENT = 20 * MIB
SMALL_SEGMENT = 2 * MIB
WORKSPACE = 8 * MIB + 128 * 1024  # cuBLAS: two of 4,096 KiB and eight of 16
WORKSPACE_OF_HOPPER = 32 * MIB


def rounded(size: int) -> int:
    """Bytes of the block that holds so many."""
    return -(-size // ALLOCATION) * ALLOCATION


def kept_in_own_segment(size: int) -> int:
    """Bytes that a tensor holds beyond its own where it gets a segment."""
    if size < OWN_SEGMENT:
        return 0
    left = -rounded(size) % SEGMENT_STEP
    return left if left <= SPLIT else 0


def kept_by_weights(sizes: Iterable[int]) -> int:
    """Bytes that weights hold beyond their own where each is loaded into a segment of its own."""
    return sum(kept_in_own_segment(size) for size in sizes)


def left_in_segments(sizes: Iterable[int]) -> int:
    """Bytes of segments that are reserved beyond these tensors, loaded one after the other.

    Those below 10 MiB share segments of 20 MiB, those up to 1 MiB of 2 MiB; each goes where the
    least is left.
    """
    left: dict[int, list[int]] = {SMALL_SEGMENT: [], SHARED_SEGMENT: []}
    beyond = 0
    for size in map(rounded, sizes):
        if size >= OWN_SEGMENT:
            beyond += -size % SEGMENT_STEP
            continue
        segment = SMALL_SEGMENT if size <= SPLIT else SHARED_SEGMENT
        free = left[segment]
        place = min((room for room in free if room >= size), default=None)
        if place is not None:
            free.remove(place)
        room = (segment if place is None else place) - size
        if room:
            free.append(room)
    return beyond + sum(map(sum, left.values()))


def kept_at_most(sizes: Iterable[int]) -> int:
    """Bytes that tensors which come and go may keep beyond their own."""
    return sum(SPLIT for size in sizes if size > SPLIT)
