"""The ways to load one model on one device: bytes, verdict and code of each."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from course_utils.fit.code import AUTO, loading_code
from course_utils.gpus import Device, Gpu
from course_utils.memory import MemoryEstimate, Range, estimate_memory
from course_utils.memory.published import Checkpoint
from course_utils.memory.weights import ITEM_BYTES
from course_utils.report import Report
from course_utils.text import known
from course_utils.units import in_gb, in_gib

FITS, TIGHT, SPILLS, NO = "fits", "tight", "spills", "does not fit"
RULE = (
    "fits: room for the most it may need; tight: for what is expected; does not fit: not even that"
)
LOADERS = 4  # threads of transformers that hold a tensor in RAM; one while it quantizes
PLANNED_SHARE = 0.9  # of the free memory, which device_map="auto" fills
DEVICE_MAPS = {"cuda": '{"": 0}', "mps": '{"": "mps"}', "cpu": ""}
NAMES = {"nf4-double": "nf4, double quant"}
WHY = {
    "int8": "one byte a weight in the linear layers; embeddings and head stay in 16 bits",
    "nf4": "4.5 bits a weight in the linear layers; embeddings and head stay in 16 bits",
    "nf4-double": "as nf4, its scales quantized too: 4.13 bits a weight",
    "fp4": (
        "last: as many bytes as nf4, but its steps suit bell-shaped weights less. It is what "
        "BitsAndBytesConfig(load_in_4bit=True) means"
    ),
}


@dataclass(frozen=True, repr=False)
class Way(Report):
    """One way to load a model. All sizes in bytes; None where the Hub does not say.

    ``bytes`` is the expected total with cache and activations, ``low`` and ``high`` its range.
    ``host_ram`` is the RAM beside the GPU's memory that ``code`` needs. ``disk`` is what the
    weights' files take, ``download`` the part of them that is not in the cache yet.
    """

    way: str
    dtype: str
    quantization: str | None
    bytes: int
    low: int
    high: int
    verdict: str
    host_ram: int | None
    disk: int | None
    download: int | None
    code: str
    why: str

    def title(self) -> str:
        return f"{self.way}: {self.verdict}"

    def rows(self) -> Iterator[tuple[str, str]]:
        yield from self._facts()
        for number, line in enumerate(self.code.splitlines()):
            yield "" if number else "code", line

    def _facts(self) -> Iterator[tuple[str, str]]:
        yield "needs", f"{in_gib(self.low)} to {in_gib(self.high)}, expect {in_gib(self.bytes)}"
        yield "RAM to load", known(self.host_ram, in_gib)
        yield "disk", f"{known(self.disk, in_gb)}, to download: {known(self.download, in_gb)}"
        yield "why", self.why

    def _repr_html_(self) -> str:
        facts = "".join(
            f'<tr><th scope="row" style="text-align:left">{html.escape(label)}</th>'
            f'<td style="text-align:left">{html.escape(text)}</td></tr>'
            for label, text in self._facts()
        )
        title = f"<p><b>{html.escape(self.title())}</b></p>"
        return f"{title}<table>{facts}</table><pre>{html.escape(self.code)}</pre>"


@dataclass(frozen=True)
class Plan:
    """What to ask of ``from_pretrained``. ``dtype`` None leaves it to the checkpoint."""

    way: str
    dtype: str | None
    quantization: str | None
    why: str


def room_on(target: Gpu | Device) -> int:
    """Bytes to fit into: a GPU's whole memory; of RAM, which others use too, what is free."""
    is_ram = isinstance(target, Device) and target.kind != "cuda"
    return target.free if is_ram else target.memory


def needed_on(target: Gpu | Device, estimate: MemoryEstimate) -> Range:
    """The estimate's total; without CUDA there is no CUDA context to hold."""
    total, runtime = estimate.total, estimate.runtime
    if target.kind == "cuda":
        return total
    low, expected, high = (
        getattr(total, end) - getattr(runtime, end) for end in ("low", "expected", "high")
    )
    return Range(low, expected, high, total.basis)


def verdict(needed: Range, room: int) -> str:
    """See ``RULE``."""
    if needed.high <= room:
        return FITS
    return TIGHT if needed.expected <= room else NO


def best_of(ways: Iterable[Way]) -> Way | None:
    """The first that fits, else the first that is tight."""
    ways = tuple(ways)
    for wanted in (FITS, TIGHT):
        for way in ways:
            if way.verdict == wanted:
                return way
    return None


def all_ways(
    model: Any, checkpoint: Checkpoint, target: Gpu | Device, context: int, batch: int
) -> tuple[tuple[Way, ...], MemoryEstimate]:
    """Every way, the cheapest loss first, and the estimate of the checkpoint as it is stored.

    Raises:
        CannotTell: the model cannot be sized.
    """
    stored = estimate_memory(model, None, None, context, batch)
    subject = _without_the_hub(model, checkpoint, stored)
    largest = largest_tensor(checkpoint, stored.dtype)
    ways, spread = [], None
    for plan in plans(stored, target):
        estimate = stored
        if plan.quantization or plan.dtype not in (None, stored.dtype):
            estimate = estimate_memory(subject, plan.dtype, plan.quantization, context, batch)
        way = _way(plan, estimate, checkpoint, target, largest)
        ways.append(way)
        if way.quantization is None and way.verdict == NO:
            spread = _spread(way, plan, estimate.weights, checkpoint, target)
    return tuple([*ways, spread] if spread else ways), stored


def _without_the_hub(model: Any, checkpoint: Checkpoint, stored: MemoryEstimate) -> Any:
    """The config instead of the repo where both say the same: it need not be fetched again."""
    config = checkpoint.config
    if config is None or not isinstance(model, (str, os.PathLike)) or stored.stored_as:
        return model
    alone = estimate_memory(config, stored.dtype, None, stored.context, stored.batch)
    return config if alone.weights == stored.weights else model


def plans(stored: MemoryEstimate, target: Gpu | Device) -> Iterator[Plan]:
    """What is worth trying on this device with a checkpoint that is stored like this."""
    method = stored.quantization or stored.stored_as
    if method:
        yield Plan(f"{method} as stored", None, None, "the checkpoint comes quantized")
        return
    if stored.dtype == "float32":
        yield Plan("float32 as stored", "float32", None, "nothing is rounded")
    half = half_precision(stored.dtype, target)
    if half == stored.dtype:
        yield Plan(f"{half} as stored", half, None, "what its authors published")
    elif stored.dtype == "float32":
        yield Plan(half, half, None, "half the bytes of float32; rarely a visible loss")
    else:
        why = f"{target.name} computes in float16, not in bfloat16: finer steps, smaller range"
        yield Plan(half, half, None, why)
    for quantization, why in WHY.items():
        name = NAMES.get(quantization, quantization)
        yield Plan(name, "float16" if quantization == "int8" else half, quantization, why)


def half_precision(stored: str, target: Gpu | Device) -> str:
    """The 16-bit type to load and compute in: bfloat16 only where the device has it natively."""
    if stored == "float16" or target.kind == "mps" or target.native_bf16 is False:
        return "float16"
    return "bfloat16"


def largest_tensor(checkpoint: Checkpoint, dtype: str) -> int | None:
    """Bytes of the model's largest tensor; None where only their count is known."""
    from course_utils.memory.by_transformers import of_config

    if checkpoint.config is None:
        return None
    found = of_config(checkpoint.model_id, checkpoint.config, dtype)
    return max(one.values * ITEM_BYTES[one.dtype] for one in found.tensors)


def _way(
    plan: Plan,
    estimate: MemoryEstimate,
    checkpoint: Checkpoint,
    target: Gpu | Device,
    largest: int | None,
) -> Way:
    needed = needed_on(target, estimate)
    at_once = largest and min(largest * (1 if plan.quantization else LOADERS), estimate.weights)
    return Way(
        way=plan.way,
        dtype=estimate.dtype,
        quantization=estimate.quantization,
        bytes=needed.expected,
        low=needed.low,
        high=needed.high,
        verdict=verdict(needed, room_on(target)),
        host_ram=needed.expected if target.kind == "cpu" else at_once,
        disk=checkpoint.disk,
        download=checkpoint.download,
        code=_code(checkpoint, plan.dtype, plan.quantization, DEVICE_MAPS[target.kind]),
        why=plan.why,
    )


def _code(
    checkpoint: Checkpoint, dtype: str | None, quantization: str | None, device_map: str
) -> str:
    return loading_code(checkpoint.model_id, checkpoint.class_name, dtype, quantization, device_map)


def _spread(
    whole: Way, plan: Plan, weights: int, checkpoint: Checkpoint, target: Gpu | Device
) -> Way | None:
    """The same weights with ``device_map="auto"``: over all GPUs if they are enough, else to RAM
    and disk. None where that is no help: cache and activations do not go there."""
    count, room = getattr(target, "count", 1), room_on(target)
    planned = int(PLANNED_SHARE * room)
    code = _code(checkpoint, plan.dtype, None, AUTO)
    if count > 1 and whole.bytes <= count * planned:
        return replace(
            whole,
            way=f"{whole.way}, on {count} GPUs",
            verdict=FITS if whole.high <= count * planned else TIGHT,
            code=code,
            why="nothing is rounded; the layers lie on several GPUs and take turns",
        )
    beyond, beside_weights = weights - count * planned, whole.bytes - weights
    if beyond <= 0 or beside_weights > count * (room - planned):
        return None
    on_cpu = target.kind == "cpu"
    where = "disk" if on_cpu else "RAM and disk"
    return replace(
        whole,
        way=f"{whole.way}, rest on {where}",
        verdict=SPILLS,
        host_ram=planned if on_cpu else beyond,
        code=code,
        why=f"nothing is rounded, but {in_gib(beyond)} come from {where} for every token: slow",
    )
