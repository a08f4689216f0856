"""What others measured on GPUs, held against estimates: ``published.csv``, rows with sources.

No figure of the package is fitted to them. What a counter counts is compared with the same of an
estimate: torch's counters do not see the CUDA context, nvidia-smi does. What the software of then
did otherwise is taken into account: transformers before 2025 loaded each weight into a segment of
its own, and before 4.46 it kept the logits of the whole prompt, with a copy in float32, and each
layer of Llama kept rotary tables of all positions (where the version was not told, in ``high``).

    python -m benchmarks.published
"""

from __future__ import annotations

import csv
import logging
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_utils.memory.activations import beyond_tensors, runtime
from course_utils.memory.assumptions import Assumptions
from course_utils.memory.checkpoint import read_checkpoint
from course_utils.memory.estimate import add_up, inventory_of
from course_utils.memory.inventory import Inventory
from course_utils.memory.ranges import Range, total
from course_utils.memory.weights import ITEM_BYTES
from tests.support.catalogue import config_of

FIGURES = Path(__file__).with_name("published.csv")
GIB = 2**30
OF_TORCH = ("max_memory_allocated", "max_memory_reserved")
LIKE = {
    "meta-llama/Llama-2-7b-hf": "meta-llama/Llama-2-7b-chat-hf",  # the same architecture
}
# StarCoder's, from which OctoCoder was tuned. Both are of the type gpt_bigcode.
OCTOCODER_NAME = "bigcode/octocoder"
OCTOCODER = {"n_embd": 6144, "n_layer": 40, "n_head": 48, "n_inner": 24576, "n_positions": 8192}
OCTOCODER |= {"vocab_size": 49152, "multi_query": True}


@dataclass(frozen=True)
class Figure:
    """One published figure, and what the package says of the same. Sizes in bytes."""

    row: dict[str, str]
    measured: int
    told: Range

    @property
    def error(self) -> float:
        return self.told.expected / self.measured - 1

    @property
    def is_inside(self) -> bool:
        return self.told.low <= self.measured <= self.told.high

    @property
    def width(self) -> float:
        return (self.told.high - self.told.low) / self.told.expected


def figures() -> Iterator[Figure]:
    with FIGURES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield Figure(row, round(float(row["value_gib"]) * GIB), told(row))


def told(row: dict[str, str]) -> Range:
    """What the package says of the counter of this row."""
    prompt, answer = int(row["context"]), int(row["generated"])
    assumed = Assumptions(
        quantization=row["quantization"] or None,
        context=prompt + max(answer, 1) - 1,
        batch=int(row["batch"]),
        prompt=prompt,
    )
    inventory = inventory_of(read_checkpoint(_config(row)), row["dtype"])
    estimate = add_up(inventory, assumed)
    counted = beyond_tensors(inventory, assumed, reserved_at_once=False)
    if row["counter"] not in OF_TORCH:
        with_context = runtime(inventory, assumed)
        without = beyond_tensors(inventory, assumed)
        counted = Range(
            *(
                getattr(counted, end) + getattr(with_context, end) - getattr(without, end)
                for end in ("low", "expected", "high")
            ),
            basis="",
        )
    used = estimate.weights + estimate.kv_cache + estimate.cache_states
    known = Range(used, used, used, "")
    parts = [known, estimate.attention, estimate.activations, counted]
    found = total(*parts, basis=row["counter"])
    logits, tables = _logits_of_then(row, inventory), _tables_of_then(row, inventory)
    expected = max(found.expected, found.expected - estimate.activations.expected + logits)
    return Range(found.low, expected, max(found.high, expected) + tables, found.basis)


def _logits_of_then(row: dict[str, str], inventory: Inventory) -> int:
    if "4.46" not in row["note"]:
        return 0
    tokens = int(row["batch"]) * int(row["context"])
    return tokens * inventory.sizes.vocabulary * (ITEM_BYTES[inventory.dtype] + 4)


def _tables_of_then(row: dict[str, str], inventory: Inventory) -> int:
    if "4.46" not in row["note"]:
        return 0
    positions, head_size = inventory.sizes.positions, inventory.attention.head_size
    layers = len(inventory.cache.layers)
    return 2 * layers * positions * head_size * ITEM_BYTES[inventory.dtype]


def _config(row: dict[str, str]) -> Any:
    from transformers import GPTBigCodeConfig

    name = LIKE.get(row["model"], row["model"])
    if row["model"] != OCTOCODER_NAME:
        return config_of(name)
    config = GPTBigCodeConfig(**OCTOCODER, architectures=["GPTBigCodeForCausalLM"])
    config._attn_implementation = row["attn"]
    return config


def main() -> None:
    logging.disable(logging.WARNING)
    found = list(figures())
    for one in found:
        row, told = one.row, one.told
        way = row["quantization"] or row["dtype"]
        low, expected, high = (f"{end / GIB:7.2f}" for end in (told.low, told.expected, told.high))
        print(
            f"{row['model']:<28}{way:<11}{row['context']:>6} + {row['generated']:<5}"
            f"{row['counter']:<21}{one.measured / GIB:7.2f}  {low}{expected}{high}"
            f"  {one.error:+6.1%}{'' if one.is_inside else '  outside'}"
        )
    errors = [abs(one.error) for one in found]
    inside = sum(one.is_inside for one in found)
    print(
        f"\n{len(found)} figures: median error {statistics.median(errors):.2%}, worst "
        f"{max(errors):.1%}, {inside} inside low..high, median width "
        f"{statistics.median(one.width for one in found):.3f}"
    )


if __name__ == "__main__":
    main()
