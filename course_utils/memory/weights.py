"""A model's tensors as they lie in memory after loading, and the sum of their bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from course_utils.memory.quantization import QUANTIZATIONS

# Bytes of one value, by the names that torch uses.
ITEM_BYTES = {
    **dict.fromkeys(("float64", "int64", "uint64", "complex64"), 8),
    **dict.fromkeys(("float32", "int32", "uint32"), 4),
    **dict.fromkeys(("bfloat16", "float16", "int16", "uint16"), 2),
    **dict.fromkeys(("int8", "uint8", "bool", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"), 1),
    **dict.fromkeys(("float8_e4m3fnuz", "float8_e5m2fnuz"), 1),
}


@dataclass(frozen=True)
class Tensor:
    """One tensor of a loaded model. ``dtype`` is what it loads in when nothing is quantized.

    ``quantizable``: the weight (out, in) of a linear layer that bitsandbytes would replace.
    ``is_parameter``: learned, and not a buffer that the model keeps beside what it learned.
    ``kept_beside``: values of the stored matrix that it was cut from, which stay in memory with it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantizable: bool = False
    is_parameter: bool = True
    kept_beside: int = 0

    @property
    def values(self) -> int:
        return math.prod(self.shape)

    @property
    def is_expert(self) -> bool:
        return self.is_parameter and ".experts." in self.name


def weight_bytes(tensors: Iterable[Tensor], quantization: str | None = None) -> int:
    """The bytes of these tensors with the linear layers quantized, or as they are."""
    return sum(bytes_in_memory(tensor, quantization) for tensor in tensors)


def storages(tensors: Iterable[Tensor], quantization: str | None = None) -> Iterator[int]:
    """Bytes of each storage in memory; a quantized matrix keeps its scales in one beside it."""
    for tensor in tensors:
        size = bytes_in_memory(tensor, quantization)
        if quantization and tensor.quantizable:
            packed = tensor.values if quantization == "int8" else -(-tensor.values // 2)
            yield packed
            size -= packed
        yield size


def count_parameters(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.values for tensor in tensors if tensor.is_parameter)


def count_active(tensors: Iterable[Tensor], experts: int, used: int) -> int:
    """Parameters that take part in one token, where each uses so many of the experts."""
    parts = [(tensor.values, tensor.is_expert) for tensor in tensors if tensor.is_parameter]
    in_experts = sum(values for values, is_expert in parts if is_expert)
    return sum(values for values, _ in parts) - in_experts + in_experts * used // experts


def bytes_in_memory(tensor: Tensor, quantization: str | None) -> int:
    """Of one tensor, quantized where bitsandbytes would."""
    if quantization and tensor.quantizable:
        out_features, in_features = tensor.shape
        return QUANTIZATIONS[quantization].bytes(out_features, in_features)
    return (tensor.values + tensor.kept_beside) * ITEM_BYTES[tensor.dtype]
