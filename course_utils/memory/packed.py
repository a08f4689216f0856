"""Checkpoints that come quantized: what they are on disk, and what becomes of them on this device.

transformers unpacks fp8 and MXFP4 to 16 bits where the device or a library cannot work with them.
What bitsandbytes packed stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_utils.memory.inventory import get
from course_utils.memory.meta_model import in_a_line, unpacked_here
from course_utils.units import in_gb

BITSANDBYTES = "bitsandbytes"


def quantization_of(config: Any) -> Mapping[str, Any] | None:
    """The ``quantization_config`` of a config or of the fields of a config.json."""
    text = get(config, "text_config")
    found = get(config, "quantization_config") or (text and get(text, "quantization_config"))
    if hasattr(found, "to_dict"):
        found = found.to_dict()
    return found if isinstance(found, Mapping) and found else None


def method_of(quantized_by: Mapping[str, Any] | None) -> str | None:
    """ "fp8", "mxfp4", "bitsandbytes" …"""
    if quantized_by is None:
        return None
    method = quantized_by.get("quant_method") or BITSANDBYTES
    return str(getattr(method, "value", method))


def name_of(quantized_by: Mapping[str, Any]) -> str:
    """What bitsandbytes did, in the words of ``estimate_memory``."""
    if quantized_by.get("load_in_8bit"):
        return "int8"
    double = "-double" if quantized_by.get("bnb_4bit_use_double_quant") else ""
    return f"{quantized_by.get('bnb_4bit_quant_type', 'fp4')}{double}"


def becomes(quantized_by: Mapping[str, Any], stored: int | None, dtype: str) -> tuple[bool, str]:
    """Whether a packed checkpoint is unpacked when it is loaded here, and a sentence on it."""
    method = method_of(quantized_by)
    on_disk = f"stored as {method}" + (f", {in_gb(stored)}" if stored else "")
    try:
        unpacked = unpacked_here(quantized_by)
    except Exception as error:  # each method refuses in its own way, mostly for a missing library
        return False, f"{on_disk}. It cannot be loaded here: {in_a_line(error)}"
    if unpacked:
        return True, f"{on_disk}. On this device transformers unpacks it to {dtype} while loading"
    return False, f"{on_disk}, and it stays so on this device"
