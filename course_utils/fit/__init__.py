"""``ways_to_fit``: every way to load a model on a GPU, what each needs, and whether it fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from course_utils.fit.advice import Alternative, alternatives
from course_utils.fit.code import PLACEHOLDER
from course_utils.fit.gguf import GgufFile, gguf_files, gguf_ways
from course_utils.fit.ways import (
    FITS,
    RULE,
    SPILLS,
    TIGHT,
    Way,
    all_ways,
    best_of,
    is_too_old,
    usable_bytes,
)
from course_utils.fit.ways import NO as DOES_NOT_FIT
from course_utils.gpus import Device, Gpu, planned_for
from course_utils.memory import CannotTell, Checkpoint, MemoryEstimate, read_checkpoint
from course_utils.memory.assumptions import CONTEXT, assumptions
from course_utils.memory.packing import in_digits
from course_utils.memory.quantization import QUANTIZATIONS
from course_utils.palette import IF, NO, UNSURE, YES
from course_utils.report import TableReport, bar
from course_utils.text import in_tokens, known
from course_utils.units import in_gb, in_gib

if TYPE_CHECKING:
    from pandas import DataFrame


VERDICT_COLOURS = {FITS: YES, TIGHT: IF, SPILLS: UNSURE, DOES_NOT_FIT: NO}


@dataclass(frozen=True, repr=False)
class FitTable(TableReport, Sequence[Way]):
    """The ways to load one model on one device, the one that loses least first.

    ``best`` is the first that fits, else the first that is tight, else None; then ``advice`` names
    a smaller sibling, a bigger GPU and a hosted API.
    """

    model: str
    device: str
    memory: int
    context: int
    batch: int
    ways: tuple[Way, ...]
    advice: tuple[Alternative, ...] = ()
    notes: tuple[str, ...] = ()
    drawing_notes = (
        "bars: solid up to what is expected, hatched up to the most it may need; the line is where "
        "the device's memory ends",
    )

    def __getitem__(self, place: Any) -> Any:
        return self.ways[place]

    def __len__(self) -> int:
        return len(self.ways)

    @property
    def best(self) -> Way | None:
        return best_of(self.ways)

    def title(self) -> str:
        asked = in_tokens(self.context, self.batch)
        return f"{self.model} on {self.device}, {in_gib(self.memory)}, {asked}"

    def columns(self) -> tuple[str, ...]:
        return "way", "expected", "at most", "verdict", "RAM to load", "disk", "download"

    def lines(self) -> Iterator[tuple[str, ...]]:
        for way in self.ways:
            yield (
                way.way,
                in_gib(way.bytes),
                in_gib(way.high),
                way.verdict,
                known(way.host_ram, in_gib),
                known(way.disk, in_gb),
                known(way.download, in_gb),
            )

    def above(self, row: int, column: str) -> str:
        """What a way needs, as a bar with the device's memory as a line."""
        if column != "expected":
            return ""
        way, whole = self.ways[row], max(self.memory, *(one.high for one in self.ways))
        colour = VERDICT_COLOURS[way.verdict]
        return bar(way.bytes / whole, way.high / whole, self.memory / whole, colour)

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "best": asdict(self.best) if self.best else None}

    def to_frame(self) -> DataFrame:
        """A pandas table, one row a way, with numbers in place of words."""
        from pandas import DataFrame

        return DataFrame([asdict(way) for way in self.ways])


def ways_to_fit(
    model: Any,
    gpu: str | int | Gpu | Device | None = None,
    context: int = CONTEXT,
    batch: int = 1,
    *,
    prompt: int | None = None,
) -> FitTable:
    """Every way to load a model on a GPU, the cheapest loss first, with verdict and code.

    Args:
        model: what ``estimate_memory`` takes.
        gpu: a name in ``GPUS``, "cpu", bytes, a ``Gpu`` or ``Device``; None is this machine's.
        context: tokens of each sequence.
        batch: sequences at once.
        prompt: how many of the context's tokens are the prompt. None: all of them, the safe end.

    Raises:
        CannotTell: the model cannot be sized, with the reason.
        CourseError: an argument is not understood, or the Hub gives no answer.
    """
    target = planned_for(gpu)
    try:
        checkpoint = read_checkpoint(model)
    except CannotTell as reason:
        files = gguf_files(model)
        if not files:
            raise
        return _of_gguf(model, files, target, (context, batch, prompt), reason)
    ways, as_stored = all_ways(checkpoint, target, context, batch, prompt)
    best = best_of(ways)
    advice = () if best else alternatives(checkpoint, as_stored, target)
    return FitTable(
        model=as_stored.model,
        device=target.name,
        memory=usable_bytes(target),
        context=context,
        batch=batch,
        ways=ways,
        advice=advice,
        notes=tuple(_notes(checkpoint, as_stored, target, best, advice)),
    )


def _of_gguf(
    model: Any,
    files: tuple[GgufFile, ...],
    target: Gpu | Device,
    asked: tuple[int, int, int | None],
    reason: CannotTell,
) -> FitTable:
    """Of a repo whose only loadable weights are GGUF files."""
    context, batch, prompt = asked
    where = target.compute_capability, target.kind
    assumed = assumptions(None, None, context, batch, prompt, *where)
    ways, first = gguf_ways(model, files, target, assumed)
    best = best_of(ways)
    notes = [f"best: {best.way}. Its code is .best.code"] if best else []
    notes += [RULE, "bitsandbytes does not quantize GGUF files", *first.notes, reason.reason]
    return FitTable(
        model=first.model,
        device=target.name,
        memory=usable_bytes(target),
        context=context,
        batch=batch,
        ways=ways,
        notes=tuple(notes),
    )


def _too_old(as_stored: MemoryEstimate, target: Gpu | Device) -> Iterator[str]:
    """What bitsandbytes does not do on this GPU, and is thus not recommended."""
    has = target.compute_capability
    for one in QUANTIZATIONS.values():
        if one.capability is None or not is_too_old(target, one.capability):
            continue
        least = in_digits(one.capability)
        if as_stored.quantization == one.name:
            yield f"bitsandbytes wants compute capability {least} for {one.name}, this has {has}"
        elif not as_stored.stored_as:
            yield f"{one.name} is left out: it wants compute capability {least}, this has {has}"


def _notes(
    checkpoint: Checkpoint,
    as_stored: MemoryEstimate,
    target: Gpu | Device,
    best: Way | None,
    advice: tuple[Alternative, ...],
) -> Iterator[str]:
    if best:
        yield f"best: {best.way}. Its code is .best.code"
    for number, alternative in enumerate(advice, start=1):
        yield f"{number}. {alternative.remedy}: {alternative.text}"
    yield RULE
    if target.kind != "cpu":
        whole = in_gib(as_stored.weights)
        yield f"the code loads tensor by tensor; without device_map {whole} pass through RAM first"
    if isinstance(target, Device) and target.kind == "cuda" and target.free < 0.95 * target.memory:
        yield f"only {in_gib(target.free)} are free now: restart the kernel before you load"
    if isinstance(target, Device) and target.kind != "cuda":
        yield "the memory is this machine's free RAM, which other programs use as well"
    if as_stored.stored_as:
        yield "bitsandbytes cannot quantize what comes quantized already"
    yield from _too_old(as_stored, target)
    if checkpoint.address is None:
        yield f"the config names no repo: put yours in place of {PLACEHOLDER}"
    yield from as_stored.notes
