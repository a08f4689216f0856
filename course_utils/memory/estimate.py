"""``estimate_memory``: what a model will take, before anything is downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from course_utils.errors import CannotTell, CourseError
from course_utils.gpus import Device, Gpu, planned_for
from course_utils.memory.activations import activations, plain_forward, runtime, tied_embedding
from course_utils.memory.assumptions import CONTEXT, Assumptions, assumptions
from course_utils.memory.attention import scores
from course_utils.memory.by_bounds import by_count, by_headers
from course_utils.memory.by_headers import exact_by_headers
from course_utils.memory.checkpoint import Checkpoint, read_checkpoint
from course_utils.memory.inventory import Inventory, quantized_by
from course_utils.memory.kv_cache import Cache, cache_bytes
from course_utils.memory.measure import in_full, measure_memory
from course_utils.memory.packing import (
    if_new_enough,
    method_of,
    packing_named,
    packing_of,
    stays_packed,
)
from course_utils.memory.quantization import BITSANDBYTES, name_of
from course_utils.memory.ranges import NOTHING, Range, total
from course_utils.memory.weights import count_active, count_parameters, weight_bytes
from course_utils.report import Report
from course_utils.text import shorten
from course_utils.units import in_gib

ASSUMED = Assumptions()
# What no config raises here, however odd it is: a slip in this package. Learners are told in words
# of that, too; in this project's tests it goes through.
SLIPS = (NameError, AttributeError, AssertionError)
slips_go_through = False
OLD = "7.5"  # compute capability of GPUs that are old and still common
TOTAL = "weights and cache, and both ranges"


@dataclass(frozen=True, repr=False)
class MemoryEstimate(Report):
    """What a model takes when it is loaded and used. All sizes in bytes.

    ``weights_basis`` is "exact" (the sum of the tensors' storage right after loading), "stored"
    (what the checkpoint holds) or "range" (between the two ends of ``weights_range``).
    ``kv_cache`` holds after a decode step, ``kv_cache_prefill`` when the whole context went through
    at once; ``cache_states`` is what else a cache keeps. ``attention`` is what the scores of one
    layer's attention take. ``active_parameters`` is given for a mixture of experts. ``stored`` is
    what the checkpoint's tensors take on disk and ``stored_as`` how they are quantized there, where
    that is known; ``unpacked``: and that they are not, once
    loaded; ``loadable`` False: ``from_pretrained`` does not load it rightly.
    """

    model: str
    dtype: str
    quantization: str | None
    context: int
    batch: int
    parameters: int
    active_parameters: int | None
    weights: int
    weights_basis: str
    weights_range: tuple[int, int]
    kv_cache: int
    kv_cache_prefill: int
    activations: Range
    runtime: Range
    total: Range
    attention: Range = NOTHING
    cache_states: int = 0
    prompt: int | None = None
    stored: int | None = None
    stored_as: str | None = None
    loadable: bool = True
    unpacked: bool = False
    notes: tuple[str, ...] = ()

    def title(self) -> str:
        quantized = f"{self.quantization}, the rest in " if self.quantization else ""
        return f"{self.model} in {quantized}{self.dtype}"

    def rows(self) -> Iterator[tuple[str, str]]:
        sequences = "1 sequence" if self.batch == 1 else f"each of {self.batch:,} sequences"
        read = f", {self.prompt:,} of them the prompt" if self.prompt else ""
        yield "assumed", f"{self.context:,} tokens in {sequences}{read}"
        yield "parameters", f"{self.parameters:,}"
        if self.active_parameters is not None:
            yield "active", f"{self.active_parameters:,} of them for one token"
        yield "weights", f"{in_full(self.weights)} ({self._basis()})"
        yield "KV cache", in_full(self.kv_cache)
        if self.kv_cache_prefill != self.kv_cache:
            yield "after prefill", in_full(self.kv_cache_prefill)
        if self.cache_states:
            yield "cache states", in_full(self.cache_states)
        for name in ("attention", "activations", "runtime", "total"):
            if getattr(self, name) == NOTHING:
                continue
            yield name, _low_expected_high(getattr(self, name))
            yield "", getattr(self, name).basis
        for note in self.notes:
            yield "note", note

    def _basis(self) -> str:
        if self.weights_basis != "range":
            return self.weights_basis
        low, high = self.weights_range
        return f"between {in_gib(low)} and {in_gib(high)}"


def estimate_memory(
    model: Any,
    dtype: str | None = None,
    quantization: str | None = None,
    context: int = CONTEXT,
    batch: int = 1,
    *,
    prompt: int | None = None,
    gpu: str | int | Gpu | Device | None = None,
) -> MemoryEstimate:
    """What a model takes when it is loaded and used, without downloading or loading it.

    Args:
        model: a repo id, a local folder, a config of transformers or a loaded model; or what
            ``memory.read_checkpoint`` makes of one of these, so that it is read once only.
        dtype: "float32", "float16", "bfloat16", or None: as the checkpoint stores it.
        quantization: "int8", "fp4", "nf4", "nf4-double" (by bitsandbytes while loading), or None.
        context: tokens of each sequence, prompt and answer together.
        batch: sequences at once.
        prompt: how many of the context's tokens are the prompt. None: all of them, the safe end.
        gpu: where it would run, as in ``ways_to_fit``: old GPUs need more for attention. None, or
            in bytes: a GPU of compute capability 8.0 or newer.

    Raises:
        CannotTell: a model that cannot be sized, with the reason.
        CourseError: an argument is not accepted, or the Hub gives no answer.
    """
    device = None if gpu is None else planned_for(gpu)
    where = (None, None) if device is None else (device.compute_capability, device.kind)
    assumed = assumptions(dtype, quantization, context, batch, prompt, *where)
    return estimate(read_checkpoint(model), assumed)


def estimate(checkpoint: Checkpoint, assumed: Assumptions) -> MemoryEstimate:
    """As ``estimate_memory``, of what was read and checked already."""
    inventory = inventory_of(checkpoint, assumed.dtype, assumed)
    if checkpoint.loaded is not None and assumed.dtype is None and assumed.quantization is None:
        inventory = _as_it_is(checkpoint.loaded, inventory)
    with in_words(checkpoint.name):
        return add_up(inventory, assumed)


def inventory_of(
    checkpoint: Checkpoint, dtype: str | None, assumed: Assumptions = ASSUMED
) -> Inventory:
    """What a model consists of in this dtype on the device asked about; found out once for each.

    Raises:
        CannotTell, CourseError: as ``estimate_memory``.
    """
    packed_by = quantized_by(checkpoint.config)
    packing = packing_of(packed_by, {}) if packed_by else None
    stays = stays_packed(packing, assumed.device_kind, assumed.capability) if packing else None

    def find() -> Inventory:
        with in_words(checkpoint.name):
            found = _inventory_of(checkpoint, dtype, stays)
            return found if checkpoint.weights.names or not checkpoint.files else _empty(found)

    return checkpoint.once(("inventory", dtype, stays), find)


@contextmanager
def in_words(name: str) -> Iterator[None]:
    """Turn whatever an odd config makes the libraries raise into a ``CannotTell``.

    Its ``__cause__`` is what was raised. ``SLIPS`` go through where tests ask for it.
    """
    try:
        yield
    except CourseError:
        raise
    except Exception as error:
        if slips_go_through and isinstance(error, SLIPS):
            raise
        what = shorten(f"{type(error).__name__}: {error}")
        reason = f"its config.json holds what cannot be worked with ({what})."
        raise CannotTell(name, reason) from error


def _inventory_of(checkpoint: Checkpoint, dtype: str | None, stays: bool | None) -> Inventory:
    """By headers where they are exact, else by transformers, else as far as is known."""
    if checkpoint.closed:
        return by_count(checkpoint, dtype)
    exact = exact_by_headers(checkpoint, dtype)
    if exact:
        return exact
    from course_utils.memory.by_transformers import by_transformers

    try:
        return by_transformers(checkpoint, dtype, stays)
    except CannotTell as reason:
        if not checkpoint.tensors or not isinstance(reason.__cause__, ImportError):
            raise
        rough = by_headers(checkpoint, dtype)
        return replace(rough, notes=(*rough.notes, reason.reason))


def _empty(found: Inventory) -> Inventory:
    note = "it holds no weights: by its config alone, and from_pretrained raises OSError"
    return replace(found, loadable=False, notes=(*found.notes, note))


def _as_it_is(model: Any, inventory: Inventory) -> Inventory:
    """Of a loaded model: its weights are measured."""
    packed_by = quantized_by(model.config)
    by_bitsandbytes = packed_by is not None and method_of(packed_by) == BITSANDBYTES
    return replace(
        inventory,
        weights=measure_memory(model).weights,
        quantization=name_of(packed_by) if packed_by and by_bitsandbytes else None,
        notes=("weights as they are in memory now",),
    )


def add_up(inventory: Inventory, assumed: Assumptions) -> MemoryEstimate:
    """The one arithmetic: from what a model consists of to bytes."""
    if assumed.quantization and inventory.stored_as:
        inventory = _quantized_on_top(inventory)
    tensors, cache = inventory.tensors, inventory.cache
    quantization = inventory.quantization or assumed.quantization
    weights = inventory.weights
    if weights is None:
        weights = weight_bytes(tensors, quantization)
    weights_range = weights, weights
    if inventory.tensors_between:
        ends = sorted(weight_bytes(end, quantization) for end in inventory.tensors_between)
        weights_range = ends[0], ends[-1]

    def cached(one: Cache, prefill: bool = False) -> int:
        return cache_bytes(one.layers, assumed.context, assumed.batch, prefill)

    states = cache_bytes(cache.states, assumed.context, assumed.batch)
    least, most = inventory.cache_range or (cache, cache)
    known = Range(
        low=weights_range[0] + cached(least) + states,
        expected=weights + cached(cache) + states,
        high=weights_range[1] + cached(most) + states,
        basis="",
    )
    attention = scores(inventory, assumed)
    estimated = activations(inventory, assumed, attention), runtime(inventory, assumed)
    return MemoryEstimate(
        model=inventory.name,
        dtype=inventory.dtype,
        quantization=quantization,
        context=assumed.context,
        batch=assumed.batch,
        parameters=count_parameters(tensors),
        active_parameters=inventory.experts and count_active(tensors, *inventory.experts),
        weights=weights,
        weights_basis=inventory.basis if weights_range[0] == weights_range[1] else "range",
        weights_range=weights_range,
        kv_cache=cached(cache),
        kv_cache_prefill=cached(cache, prefill=True),
        activations=estimated[0],
        runtime=estimated[1],
        total=total(known, attention, *estimated, basis=TOTAL),
        attention=attention,
        prompt=assumed.prompt,
        cache_states=states,
        stored=inventory.stored,
        stored_as=inventory.stored_as,
        loadable=inventory.loadable,
        unpacked=inventory.unpacked,
        notes=(
            *inventory.notes,
            *cache.notes,
            *_if_old(inventory, assumed, attention),
            *_more(inventory, assumed, estimated[0]),
        ),
    )


def _quantized_on_top(inventory: Inventory) -> Inventory:
    """What is quantized already is not quantized again."""
    if inventory.quantization:
        note = f"it comes in {inventory.quantization} and stays so, whatever is asked"
        return replace(inventory, notes=(*inventory.notes, note))
    note = (
        f"transformers refuses bitsandbytes on a checkpoint stored as {inventory.stored_as} "
        "(ValueError): this is what a 16-bit copy of it would take"
    )
    return replace(inventory, weights=None, basis="exact", notes=(*inventory.notes, note))


def _if_old(inventory: Inventory, assumed: Assumptions, attention: Range) -> Iterator[str]:
    """What a GPU given in bytes leaves open: how old it is."""
    if assumed.device_kind != "cuda" or assumed.capability is not None:
        return
    packing = packing_named(inventory.stored_as) if inventory.stored_as else None
    unknown = packing and if_new_enough(packing, assumed.device_kind, assumed.capability)
    if unknown and packing and packing.unpacks:
        whole = in_gib(weight_bytes(inventory.tensors))
        yield f"it stays packed {unknown}; else it is unpacked to {inventory.dtype}, {whole}"
    elif unknown:
        yield f"it can be loaded {unknown}; else transformers refuses it"
    half = replace(inventory, dtype="float16")
    more = scores(half, replace(assumed, capability=OLD)).expected - attention.expected
    if more > 0:
        yield (
            "a GPU given in bytes counts as one of compute capability 8.0 or newer. On an older "
            f"one (T4, V100) attention takes {in_gib(more)} more: give its name"
        )


def _more(inventory: Inventory, assumed: Assumptions, held: Range) -> Iterator[str]:
    logits = plain_forward(inventory, assumed)
    if inventory.cache.layers and logits > held.high:
        yield (
            f"for generate(): a plain model(**inputs) keeps the logits of every token, "
            f"{in_gib(logits)}, unless logits_to_keep=1"
        )
    tied, cache = tied_embedding(inventory), inventory.cache.layers
    if tied > held.high + cache_bytes(cache, assumed.context, assumed.batch):
        yield f"its head is its embedding, which may be there twice while it loads: {in_gib(tied)}"
    positions = inventory.sizes.positions
    if positions and assumed.context > positions:
        yield f"the model was made for {positions:,} tokens; {assumed.context:,} are more than that"


def _low_expected_high(found: Range) -> str:
    return f"low {in_gib(found.low)}, expected {in_gib(found.expected)}, high {in_gib(found.high)}"
