"""The ways to load one model on one device: bytes, verdict and code of each."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from course_utils.fit.code import ON_ONE, SPREAD, loading_code
from course_utils.gpus import Device, Gpu
from course_utils.memory import Checkpoint, MemoryEstimate, Range
from course_utils.memory.assumptions import Assumptions, assumptions
from course_utils.memory.estimate import estimate, inventory_of
from course_utils.memory.packing import has_capability, if_new_enough, in_digits, packing_named
from course_utils.memory.quantization import QUANTIZATIONS
from course_utils.memory.weights import ITEM_BYTES
from course_utils.report import Report
from course_utils.text import known
from course_utils.units import in_gb, in_gib

RANKS = FITS, TIGHT, SPILLS, NO = "fits", "tight", "spills", "does not fit"
RULE = (
    "fits: room for the most it may need; tight: for the expected, if none is lost in pieces; "
    "does not fit: not even that"
)
LOADERS = 4  # threads of transformers that hold a tensor in RAM; one while it quantizes
CHUNK = 1024  # tokens; where a prompt is read in pieces
PLANNED_SHARE = 0.9  # of the free memory, which device_map="auto" fills


@dataclass(frozen=True, repr=False)
class Way(Report):
    """One way to load a model. All sizes in bytes; None where the Hub does not say.

    ``bytes`` is the expected total with cache and activations, ``low`` and ``high`` its range.
    ``host_ram`` is the RAM beside the GPU's memory that ``code`` needs. ``disk`` is what the
    weights' files take, ``download`` the part of them that is not in the cache yet. ``chunk``: the
    prompt is read in pieces of so many tokens.
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
    chunk: int | None = None

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
    """What to ask of ``from_pretrained``. ``dtype`` None leaves it to the checkpoint.

    ``install`` is what must be there besides; ``elsewhere`` what loads it where transformers does
    not; ``refused``: transformers raises on this device.
    """

    way: str
    dtype: str | None
    quantization: str | None
    why: str
    install: str = ""
    elsewhere: str = ""
    refused: bool = False
    chunk: int | None = None


def usable_bytes(target: Gpu | Device) -> int:
    """Bytes to fit into: a GPU's whole memory; of RAM, which others use too, what is free."""
    if isinstance(target, Device) and target.kind != "cuda":
        return target.free
    return target.memory


def needed_on(target: Gpu | Device, estimate: MemoryEstimate) -> Range:
    """The estimate's total; without CUDA there is no CUDA context to hold."""
    total, runtime = estimate.total, estimate.runtime
    if target.kind == "cuda":
        return total
    low, expected, high = (
        getattr(total, end) - getattr(runtime, end) for end in ("low", "expected", "high")
    )
    return Range(low, expected, high, total.basis)


def verdict(needed: Range, usable: int) -> str:
    """See ``RULE``."""
    if needed.high <= usable:
        return FITS
    return TIGHT if needed.expected <= usable else NO


def best_of(ways: Iterable[Way]) -> Way | None:
    """The first that fits, else the first that is tight."""
    ways = tuple(ways)
    for wanted in (FITS, TIGHT):
        for way in ways:
            if way.verdict == wanted:
                return way
    return None


def all_ways(
    checkpoint: Checkpoint,
    target: Gpu | Device,
    context: int,
    batch: int,
    prompt: int | None = None,
) -> tuple[tuple[Way, ...], MemoryEstimate]:
    """Every way, the cheapest loss first, and the estimate of the checkpoint as it is stored.

    Raises:
        CannotTell: the model cannot be sized.
        CourseError: context or batch is no such number.
    """
    capability = target.compute_capability
    assumed = assumptions(None, None, context, batch, prompt, capability, target.kind)
    as_stored = estimate(checkpoint, assumed)
    ways, spread = [], None
    for plan in plans(as_stored, target):
        found = as_stored
        if plan.quantization or plan.dtype not in (None, as_stored.dtype):
            how = replace(assumed, dtype=plan.dtype, quantization=plan.quantization)
            found = estimate(checkpoint, how)
        way = _way(plan, found, checkpoint, target)
        ways.append(way)
        pieces = None
        if way.verdict != FITS and found.attention.high and found.kv_cache:
            pieces = _in_pieces(plan, checkpoint, target, assumed)
        if pieces and RANKS.index(pieces.verdict) < RANKS.index(way.verdict):
            ways.append(pieces)
        if way.quantization is None and way.verdict == NO and not plan.elsewhere:
            spread = _spread(way, plan, found.weights, checkpoint, target)
            if pieces and spread is None:
                spread = _spread(pieces, plan, found.weights, checkpoint, target)
    return tuple([*ways, spread] if spread else ways), as_stored


def estimate_of(
    way: Way,
    checkpoint: Checkpoint,
    target: Gpu | Device,
    context: int,
    batch: int,
    prompt: int | None = None,
) -> MemoryEstimate:
    """What one of the ways needs, in full; on another device too."""
    capability = target.compute_capability
    assumed = assumptions(None, None, context, batch, prompt, capability, target.kind)
    as_stored = estimate(checkpoint, replace(assumed, chunk=way.chunk))
    if (way.dtype, way.quantization) == (as_stored.dtype, as_stored.quantization):
        return as_stored
    how = replace(assumed, dtype=way.dtype, quantization=way.quantization, chunk=way.chunk)
    return estimate(checkpoint, how)


def _in_pieces(
    plan: Plan, checkpoint: Checkpoint, target: Gpu | Device, assumed: Assumptions
) -> Way | None:
    """The same way with the prompt in pieces; None where it is no longer than one."""
    if assumed.prompt_tokens <= CHUNK:
        return None
    why = f"{plan.why}; reading the prompt in pieces of {CHUNK:,} tokens changes no answer"
    pieces = replace(plan, way=f"{plan.way}, in pieces", why=why, chunk=CHUNK)
    how = replace(assumed, dtype=plan.dtype, quantization=plan.quantization, chunk=CHUNK)
    return _way(pieces, estimate(checkpoint, how), checkpoint, target)


def plans(as_stored: MemoryEstimate, target: Gpu | Device) -> Iterator[Plan]:
    """What is worth trying on this device with a checkpoint that is stored like this."""
    method = as_stored.quantization or as_stored.stored_as
    if method:
        yield _of_packed(method, as_stored, target)
        return
    if as_stored.dtype == "float32":
        yield Plan("float32 as stored", "float32", None, "nothing is rounded")
    half = half_precision(as_stored.dtype, target)
    if half == as_stored.dtype:
        yield Plan(f"{half} as stored", half, None, "what its authors published")
    elif as_stored.dtype == "float32":
        yield Plan(half, half, None, "half the bytes of float32; rarely a visible loss")
    else:
        why = f"{target.name} computes in float16, not in bfloat16: finer steps, smaller range"
        yield Plan(half, half, None, why)
    for one in QUANTIZATIONS.values():
        if one.capability is None or not is_too_old(target, one.capability):
            yield Plan(one.label, one.dtype or half, one.name, one.why)


def _of_packed(method: str, as_stored: MemoryEstimate, target: Gpu | Device) -> Plan:
    """The one way to load what comes packed: bitsandbytes does not quantize it again."""
    packing = packing_named(as_stored.stored_as or method)
    if as_stored.unpacked:
        least = in_digits(packing.capability or (0, 0))
        why = f"transformers unpacks it here; a GPU of capability {least} or newer keeps it packed"
        return Plan(f"{method}, unpacked to {as_stored.dtype}", None, None, why)
    why, code = "the checkpoint comes quantized", ""
    if not as_stored.loadable:
        loader = "its own library" if packing.by_transformers else packing.loader
        why, code = f"{why}, and from_pretrained cannot load it: {loader} does", loader
    if packing.capability and is_too_old(target, packing.capability):
        least = in_digits(packing.capability)
        why, code = (
            f"transformers refuses it on GPUs below compute capability {least}",
            "a newer GPU",
        )
        return Plan(f"{method} as stored", None, None, why, elsewhere=code, refused=True)
    condition = if_new_enough(packing, target.kind, target.compute_capability)
    why += "".join(f"; {one}" for one in (condition, packing.needs) if one)
    return Plan(f"{method} as stored", None, None, why, packing.needs, elsewhere=code)


def is_too_old(target: Gpu | Device, least: tuple[int, int]) -> bool:
    """A GPU whose compute capability is known to be less."""
    capability = target.compute_capability if target.kind == "cuda" else None
    return capability is not None and not has_capability(capability, least)


def half_precision(stored: str, target: Gpu | Device) -> str:
    """The 16-bit type to load and compute in: bfloat16 only where the device has it natively."""
    if stored == "float16" or target.kind == "mps" or target.native_bf16 is False:
        return "float16"
    return "bfloat16"


def largest_tensor(checkpoint: Checkpoint) -> int | None:
    """Bytes of the model's largest tensor as it is stored; None where only their count is known."""
    if checkpoint.closed:
        return None
    tensors = inventory_of(checkpoint, None).tensors
    return max(one.values * ITEM_BYTES[one.dtype] for one in tensors)


def _way(
    plan: Plan, estimated: MemoryEstimate, checkpoint: Checkpoint, target: Gpu | Device
) -> Way:
    needed, largest = needed_on(target, estimated), largest_tensor(checkpoint)
    at_once = largest and min(largest * (1 if plan.quantization else LOADERS), estimated.weights)
    return Way(
        way=plan.way,
        dtype=estimated.dtype,
        quantization=estimated.quantization,
        bytes=needed.expected,
        low=needed.low,
        high=needed.high,
        verdict=NO if plan.refused else verdict(needed, usable_bytes(target)),
        host_ram=needed.expected if target.kind == "cpu" else at_once,
        disk=checkpoint.disk,
        download=checkpoint.download,
        code=_code(plan, checkpoint, ON_ONE[target.kind]),
        why=plan.why,
        chunk=plan.chunk,
    )


def _code(plan: Plan, checkpoint: Checkpoint, device_map: str) -> str:
    if plan.elsewhere:
        lines = [f"# from_pretrained does not load this; {plan.elsewhere} does."]
    else:
        how = plan.dtype, plan.quantization, device_map, plan.chunk
        lines = [loading_code(checkpoint, *how)]
    return "\n".join([f"# {plan.install}"] * bool(plan.install) + lines)


def _spread(
    whole: Way, plan: Plan, weights: int, checkpoint: Checkpoint, target: Gpu | Device
) -> Way | None:
    """The same weights with ``device_map="auto"``: over all GPUs if they are enough, else to RAM
    and disk. None where that is no help: cache and activations do not go there."""
    count, usable = getattr(target, "count", 1), usable_bytes(target)
    planned = int(PLANNED_SHARE * usable)
    code = loading_code(checkpoint, plan.dtype, None, SPREAD, whole.chunk)
    if count > 1 and whole.bytes <= count * planned:
        return replace(
            whole,
            way=f"{whole.way}, on {count} GPUs",
            verdict=FITS if whole.high <= count * planned else TIGHT,
            code=code,
            why="nothing is rounded; the layers lie on several GPUs and take turns",
        )
    beyond, beside_weights = weights - count * planned, whole.bytes - weights
    if beyond <= 0 or beside_weights > count * (usable - planned):
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
