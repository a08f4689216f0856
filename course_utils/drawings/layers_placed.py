"""What ``device_map="auto"`` does with a model that is larger than the GPU."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Shape, Words, box, line, paragraph

# accelerate's plan for Qwen2.5-7B in 16 bits with this budget (a test has it planned again).
BUDGET = {0: "9GiB", "cpu": "4GiB"}
ON_GPU, IN_RAM, ON_DISK = range(0, 16), range(16, 22), range(22, 28)
CELL, PITCH = 24.0, 27.0
STACK, SLOT = 82.0, 312.0  # where the layers begin, and the room kept free


def layers_placed() -> Drawing:
    title = "28 layers, and room for 16"
    return Drawing("layers_placed", title, _words(), 410, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    yield Words(16, 54, "A 7B in 16 bits, on 9 GiB of a GPU and 4 GiB of RAM", 12)
    yield from _shelf(92, 100, "GPU")
    yield line((64, 76), (64, 124), colour="ink", thick=2, arrow=True)
    yield Words(74, 84, "a token", 12, bold=True)
    yield from _piece(24, 126, 52, "embed")
    yield from _layers(ON_GPU[:8], STACK, 126)
    yield from _layers(ON_GPU[8:], STACK, 126 + PITCH)
    yield box(SLOT, 126, 60, CELL + PITCH, edge="ink", dashed=True)
    yield from paragraph(SLOT + 30, 148, "kept\nfree", 12, anchor="middle")
    yield line((SLOT + 30, 124), (SLOT + 30, 76), colour="ink", thick=2, arrow=True)
    yield Words(SLOT + 20, 84, "the next", 12, "end", bold=True)
    yield from paragraph(
        24, 214, "For every token, each of these is copied\nin, used and dropped:", 12
    )
    yield from _shelf(242, 48, "RAM")
    yield from _layers(IN_RAM, STACK, 254)
    yield from _shelf(302, 48, "disk")
    yield from _layers(ON_DISK, STACK, 314)
    yield from _piece(STACK + 6 * PITCH, 314, 44, "head")
    for at, left, level in (
        (SLOT + 18, STACK + 6 * PITCH, 266),
        (SLOT + 42, STACK + 6 * PITCH + 50, 326),
    ):
        ends = (left, level), (at, level), (at, 128 + CELL + PITCH)
        yield line(*ends, colour="cache", thick=2.4, arrow=True)
    yield from paragraph(
        16,
        376,
        "A token passes through all layers in order, on the GPU.\n"
        "The answer has the same words. It only comes later.",
        12,
    )


def _shelf(top: float, height: float, name: str) -> Iterator[Shape]:
    yield box(16, top, 368, height, "others", "empty", edge="rule", thick=1.6)
    yield Words(28, top + 19, name, bold=True)


def _layers(numbers: range, left: float, top: float) -> Iterator[Shape]:
    for place, number in enumerate(numbers):
        at = left + place * PITCH
        yield box(at, top, CELL, CELL, "weights", "washed", edge="weights")
        yield Words(at + CELL / 2, top + 16.5, f"{number}", 12, "middle", mono=True)


def _piece(left: float, top: float, width: float, name: str) -> Iterator[Shape]:
    yield box(left, top, width, CELL, "weights", "washed", edge="weights")
    yield Words(left + width / 2, top + 16.5, name, 12, "middle")


def _words() -> str:
    gpu, ram, disk = (f"{shelf[0]} to {shelf[-1]}" for shelf in (ON_GPU, IN_RAM, ON_DISK))
    return (
        "A 7B in 16 bits that may take 9 GiB of the GPU and 4 GiB of RAM.\n"
        f"On the GPU: the embedding and layers {gpu}, and free room for one more piece.\n"
        f"In RAM: layers {ram}. On the disk: layers {disk} and the output head.\n"
        "Each token passes through all layers in order, on the GPU. What lies in RAM or on the "
        "disk is copied in for every token and dropped again: the same words, later."
    )
