"""The lines of Python that load a model in a given way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from course_utils.memory.by_headers import family_of
from course_utils.memory.checkpoint import Checkpoint
from course_utils.memory.quantization import QUANTIZATIONS

PLACEHOLDER = "owner/name"  # where a config names no repo
ON_ONE = {"cuda": '{"": 0}', "mps": '{"": "mps"}', "cpu": ""}  # device_map, as written in code
SPREAD = '"auto"'
CAUSAL = "AutoModelForCausalLM"


def loading_code(
    checkpoint: Checkpoint,
    dtype: str | None,
    quantization: str | None,
    device_map: str,
    chunk: int | None = None,
) -> str:
    """Code that can be run as it is.

    Args:
        checkpoint: what to load.
        dtype: for what is not quantized, and for computing; None leaves it to the checkpoint.
        quantization: one of ``QUANTIZATIONS`` or None.
        device_map: as written in code; "" leaves it out.
        chunk: tokens of each piece in which ``generate`` shall read the prompt; None: all at once.
    """
    class_name = class_of(checkpoint)
    classes = class_name + (", BitsAndBytesConfig" if quantization else "")
    address = in_quotes(checkpoint.address or PLACEHOLDER)
    lines = ["import torch"] if dtype else []
    lines += [f"from transformers import {classes}", ""]
    if quantization:
        lines += ["quantization = BitsAndBytesConfig(", *_options(quantization, dtype), ")"]
    lines += [f"model = {class_name}.from_pretrained(", f"    {address},"]
    if dtype:
        lines.append(f"    dtype=torch.{dtype},")
    if quantization:
        lines.append("    quantization_config=quantization,")
    if device_map:
        lines.append(f"    device_map={device_map},")
    lines.append(")")
    if chunk:
        lines.append(f"model.generation_config.prefill_chunk_size = {chunk}")
    return "\n".join(lines)


def in_quotes(text: str) -> str:
    """As it is written in code."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def class_of(checkpoint: Checkpoint) -> str:
    """The auto class where it means the same as the class that the config names, else that one."""
    fields = checkpoint.config
    if checkpoint.loaded is None and family_of(fields):
        return CAUSAL  # known without importing transformers, which takes seconds
    named: Any = next(iter(fields.get("architectures") or ()), None)
    if checkpoint.loaded is not None:
        named = type(checkpoint.loaded).__name__
    if named is None:
        return "AutoModel"
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as BY_TYPE

    return CAUSAL if BY_TYPE.get(str(fields.get("model_type"))) == named else str(named)


def _options(quantization: str, dtype: str | None) -> Iterator[str]:
    chosen = QUANTIZATIONS[quantization]
    for name, value in chosen.options.items():
        yield f"    {name}={_in_code(value)},"
    if dtype and chosen.is_4bit:
        yield f"    bnb_4bit_compute_dtype=torch.{dtype},"


def _in_code(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
