"""How bitsandbytes quantizes while a model is loaded: the one table of its ways.

The formulas were read in bitsandbytes and are held to the byte against its ``Linear4bit`` and
``Linear8bitLt`` by tests, odd shapes included. ``n`` is the number of weights, out × in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

BLOCK = 64  # weights that share one absmax, the scale they are restored with
OUTER_BLOCK = 256  # absmaxes that share one scale when they are quantized themselves
CODE_TABLE = 16 * 4  # the 16 values that four bits can mean, in float32
OUTER_CODE_TABLE = 256 * 4
BITSANDBYTES = "bitsandbytes"  # what a checkpoint that comes quantized calls it


@dataclass(frozen=True)
class Quantization:
    """One way. ``options`` are those of ``BitsAndBytesConfig`` that choose it.

    ``label`` and ``why`` are how a table of ways shows it. ``dtype``: what the rest of the model
    must be in, where that matters. ``capability``: the least compute capability of a GPU for it.
    """

    name: str
    label: str
    why: str
    options: Mapping[str, Any] = field(hash=False)
    dtype: str | None = None
    capability: tuple[int, int] | None = None

    @property
    def is_4bit(self) -> bool:
        return "load_in_4bit" in self.options

    @property
    def is_double(self) -> bool:
        """Whether the scales are quantized too."""
        return "bnb_4bit_use_double_quant" in self.options

    def bytes(self, out_features: int, in_features: int) -> int:
        """Of one quantized weight with its scales and tables, right after loading."""
        weights = out_features * in_features
        if not self.is_4bit:
            return weights + 4 * out_features  # one float32 scale for each row
        packed = _ceil(weights, 2)  # two weights share a byte
        blocks = _ceil(weights, BLOCK)
        if self.is_double:
            outer = 4 * _ceil(blocks, OUTER_BLOCK) + OUTER_CODE_TABLE + 4  # scales, table, mean
            return packed + blocks + outer + CODE_TABLE
        return packed + 4 * blocks + CODE_TABLE


# The least loss first.
QUANTIZATIONS = {
    one.name: one
    for one in (
        Quantization(
            name="int8",
            label="int8",
            why="one byte a weight in the linear layers; embeddings and head stay in 16 bits",
            options={"load_in_8bit": True},
            dtype="float16",  # an int8 layer casts every input to it
            capability=(7, 5),  # bitsandbytes' guide: LLM.int8() needs a Turing GPU or newer
        ),
        Quantization(
            name="nf4",
            label="nf4",
            why="4.5 bits a weight in the linear layers; embeddings and head stay in 16 bits",
            options={"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        ),
        Quantization(
            name="nf4-double",
            label="nf4, double quant",
            why="as nf4, its scales quantized too: 4.13 bits a weight",
            options={
                "load_in_4bit": True,
                "bnb_4bit_quant_type": "nf4",
                "bnb_4bit_use_double_quant": True,
            },
        ),
        Quantization(
            name="fp4",
            label="fp4",
            why=(
                "last: as many bytes as nf4, but its steps suit bell-shaped weights less. It is "
                "what BitsAndBytesConfig(load_in_4bit=True) means"
            ),
            options={"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"},
        ),
    )
}


# --- Checkpoints that come quantized -------------------------------------------------------------


def name_of(quantized_by: Mapping[str, Any]) -> str:
    """What bitsandbytes did to a checkpoint, by the name of this table."""
    if quantized_by.get("load_in_8bit"):
        return "int8"
    double = "-double" if quantized_by.get("bnb_4bit_use_double_quant") else ""
    return f"{quantized_by.get('bnb_4bit_quant_type', 'fp4')}{double}"


def name_in(tensors: Iterable[str]) -> str | None:
    """The same by the names of the tensors that bitsandbytes stores beside a packed one."""
    parts = {name.rpartition(".")[2] for name in tensors}
    if "SCB" in parts:
        return "int8"
    double = "-double" if "nested_absmax" in parts else ""
    kind = next((one for one in ("nf4", "fp4") if f"bitsandbytes__{one}" in parts), None)
    return f"{kind}{double}" if kind else None


def _ceil(count: int, size: int) -> int:
    return -(-count // size)
