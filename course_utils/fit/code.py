"""The lines of Python that load a model in a given way."""

from __future__ import annotations

from collections.abc import Iterator

GPU = '{"": 0}'
MPS = '{"": "mps"}'
AUTO = '"auto"'
OPTIONS = {
    "int8": ("load_in_8bit=True",),
    "fp4": ("load_in_4bit=True", 'bnb_4bit_quant_type="fp4"'),
    "nf4": ("load_in_4bit=True", 'bnb_4bit_quant_type="nf4"'),
    "nf4-double": (
        "load_in_4bit=True",
        'bnb_4bit_quant_type="nf4"',
        "bnb_4bit_use_double_quant=True",
    ),
}


def loading_code(
    model_id: str, class_name: str, dtype: str | None, quantization: str | None, device_map: str
) -> str:
    """Code that can be run as it is.

    Args:
        model_id: repo id or local folder.
        class_name: a class of transformers, "AutoModelForCausalLM" say.
        dtype: for what is not quantized, and for computing; None leaves it to the checkpoint.
        quantization: one of ``OPTIONS`` or None.
        device_map: as written in code; "" leaves it out.
    """
    classes = class_name + (", BitsAndBytesConfig" if quantization else "")
    lines = ["import torch", f"from transformers import {classes}", ""]
    if dtype is None:
        lines = lines[1:]
    if quantization:
        lines += ["quantization = BitsAndBytesConfig(", *_config(quantization, dtype), ")"]
    lines += [f"model = {class_name}.from_pretrained(", f"    {model_id!r},".replace("'", '"')]
    if dtype:
        lines.append(f"    dtype=torch.{dtype},")
    if quantization:
        lines.append("    quantization_config=quantization,")
    if device_map:
        lines.append(f"    device_map={device_map},")
    return "\n".join([*lines, ")"])


def _config(quantization: str, dtype: str | None) -> Iterator[str]:
    for option in OPTIONS[quantization]:
        yield f"    {option},"
    if dtype and quantization != "int8":
        yield f"    bnb_4bit_compute_dtype=torch.{dtype},"
