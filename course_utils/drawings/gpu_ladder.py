"""The GPUs of ``gpus.csv`` by memory, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.drawings.four_sizes import SIZES
from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Shape, Words, box
from course_utils.gpus import GPUS, Gpu
from course_utils.units import GIB, in_gib

# Bytes of weights (a test compares with ``estimate_memory``): what is to be held, and its name.
HELD = (
    (SIZES["float16"], "7B in 16 bits"),
    (39_517_722_304, "70B in 4 bits"),
    (141_107_413_504, "70B in 16 bits"),
)
LEFT, RIGHT = 124.0, 336.0
TOP, STEP = 86.0, 19.0
MOST = 184  # GiB at the right end


def gpu_ladder() -> Drawing:
    height = TOP + STEP * (len(GPUS) + len(HELD)) + 84
    return Drawing("gpu_ladder", "GPUs by their memory", _words(), height, tuple(_shapes()))


def rungs() -> list[tuple[int, str, Gpu | None]]:
    """GPUs, and models with None for a GPU, from the smallest to the largest number of bytes."""
    gpus: list[tuple[int, str, Gpu | None]] = [(gpu.memory, gpu.name, gpu) for gpu in GPUS.values()]
    models: list[tuple[int, str, Gpu | None]] = [(size, name, None) for size, name in HELD]
    return sorted(gpus + models, key=lambda rung: rung[:2])


def _shapes() -> Iterator[Shape]:
    yield Words(16, 52, "Below a model stand the GPUs that hold its weights.", 12)
    yield Words(384, TOP - 8, "GiB", 12, "end", colour="soft")
    for number, (size, name, gpu) in enumerate(rungs()):
        top = TOP + STEP * number
        is_model = gpu is None
        yield Words(LEFT - 6, top + 11, name, 12, "end", bold=is_model)
        yield _bar(LEFT, top, (RIGHT - LEFT) * size / (MOST * GIB), gpu)
        yield Words(384, top + 11, f"{size / GIB:.1f}", 12, "end", bold=is_model)
    legend = TOP + STEP * len(rungs()) + 12
    native, emulated = (
        next(gpu for gpu in GPUS.values() if gpu.native_bf16 is native) for native in (True, False)
    )
    for number, (gpu, words) in enumerate(
        (
            (native, "a GPU that computes in bfloat16"),
            (emulated, "one that does not: use float16"),
            (None, "what a model's weights take"),
        )
    ):
        yield _bar(LEFT, legend + 21 * number, 22, gpu)
        yield Words(LEFT + 28, legend + 21 * number + 11, words, 12)


def _bar(left: float, top: float, width: float, gpu: Gpu | None) -> Shape:
    if gpu is None:
        return box(left, top, width, 13, "cache", "hatched", edge="cache")
    fill = "solid" if gpu.native_bf16 else "washed"
    return box(left, top, width, 13, "weights", fill, edge="weights")


def _words() -> str:
    return "\n".join(
        f"{name}: {in_gib(size)}"
        + (" of weights" if gpu is None else "" if gpu.native_bf16 else ", no bfloat16")
        for size, name, gpu in rungs()
    )
