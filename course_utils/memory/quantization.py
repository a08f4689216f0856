"""What one linear layer takes when bitsandbytes quantizes it.

The formulas were read in bitsandbytes and are held to the byte against its ``Linear4bit`` and
``Linear8bitLt`` by tests, odd shapes included. ``n`` is the number of weights, out × in.
"""

from __future__ import annotations

BLOCK = 64  # weights that share one absmax, the scale they are restored with
OUTER_BLOCK = 256  # absmaxes that share one scale when they are quantized themselves
CODE_TABLE = 16 * 4  # the 16 values that four bits can mean, in float32
OUTER_CODE_TABLE = 256 * 4
QUANTIZATIONS = ("int8", "fp4", "nf4", "nf4-double")


def quantized_bytes(quantization: str, out_features: int, in_features: int) -> int:
    """Bytes of one quantized weight with its scales and tables, right after loading."""
    weights = out_features * in_features
    if quantization == "int8":
        return weights + 4 * out_features  # one float32 scale for each row
    packed = _ceil(weights, 2)  # two weights share a byte
    blocks = _ceil(weights, BLOCK)
    if quantization.endswith("-double"):
        outer = 4 * _ceil(blocks, OUTER_BLOCK) + OUTER_CODE_TABLE + 4  # its scales, table, mean
        return packed + blocks + outer + CODE_TABLE
    return packed + 4 * blocks + CODE_TABLE


def _ceil(count: int, size: int) -> int:
    return -(-count // size)
