"""What takes a GPU's memory while a model is loaded, reads a prompt and writes an answer."""

from __future__ import annotations

from collections.abc import Iterator

from course_utils.drawings.picture import Drawing
from course_utils.drawings.shapes import Area, Shape, Words, line

# Where each phase ends, and how high each part stands there. A sketch: no unit, no model.
LOADED, READ, WRITTEN = 130.0, 232.0, 384.0
BEGIN, FLOOR, LIMIT = 16.0, 310.0, 66.0
RUNTIME, WEIGHTS = 26.0, 118.0
AFTER_PROMPT, AT_END, PEAK, SMALL = 28.0, 62.0, 48.0, 8.0


def on_the_gpu() -> Drawing:
    title = "What fills a GPU, and when"
    return Drawing("on_the_gpu", title, _words(), 376, tuple(_shapes()))


def _shapes() -> Iterator[Shape]:
    base = FLOOR - RUNTIME
    top = base - WEIGHTS
    yield _area("runtime", [(BEGIN, base), (WRITTEN, base)], [(WRITTEN, FLOOR), (BEGIN, FLOOR)])
    yield _area("weights", [(BEGIN, base), (LOADED, top), (WRITTEN, top)], [(WRITTEN, base)])
    cache = [(LOADED, top), (READ, top - AFTER_PROMPT), (WRITTEN, top - AT_END)]
    yield _area("cache", cache, [(WRITTEN, top)])
    peak = [
        (LOADED, top - 4),
        (LOADED + 14, top - 4 - PEAK),
        (READ - 2, top - AFTER_PROMPT - PEAK),
        (READ + 6, top - AFTER_PROMPT - SMALL - 1),
        (WRITTEN, top - AT_END - SMALL),
    ]
    yield _area("activations", peak, cache[::-1])
    yield line((BEGIN, LIMIT), (WRITTEN, LIMIT), colour="ink", thick=2)
    yield Words(BEGIN, LIMIT - 8, "the GPU ends here", 12, bold=True)
    yield line((BEGIN, FLOOR), (WRITTEN, FLOOR), colour="ink")
    for at in (LOADED, READ):
        yield line((at, LIMIT + 5), (at, FLOOR + 6), dashed=True)
    for left, right, name in (
        (BEGIN, LOADED, "load"),
        (LOADED, READ, "read prompt"),
        (READ, WRITTEN, "write the answer"),
    ):
        yield Words((left + right) / 2, FLOOR + 20, name, 12, "middle", bold=True)
    yield Words(READ + 8, base + 18, "CUDA, libraries", 12, bold=True)
    yield Words(READ + 8, top + 40, "weights", 12, bold=True)
    yield Words(READ + 8, top + 56, "stay as they are", 12)
    yield Words(READ + 8, top - 6, "KV cache: grows", 12, bold=True)
    yield from (
        Words(BEGIN, 112, "activations:", 12, bold=True),
        Words(BEGIN, 128, "come and go", 12),
        line((104, 108), (LOADED + 22, top - 36), colour="ink", arrow=True),
    )
    yield Words(READ + 8, LIMIT + 22, "free", 12, bold=True)
    yield Words(BEGIN, FLOOR + 46, "A sketch, not to scale. The fullest moment decides.", 12)


def _area(kind: str, upper: list[tuple[float, float]], lower: list[tuple[float, float]]) -> Area:
    return Area((*upper, *lower), kind, "washed", edge=kind)


def _words() -> str:
    return (
        "A GPU's memory over time, from loading a model to the end of an answer. A sketch, not to "
        "scale.\n"
        "CUDA and its libraries: there before the first tensor, always as large.\n"
        "Weights: grow while the model is loaded, then stay as they are.\n"
        "KV cache: grows while the prompt is read and with every token of the answer.\n"
        "Activations: come and go; they are largest while the prompt is read.\n"
        "The fullest moment decides whether it fits."
    )
