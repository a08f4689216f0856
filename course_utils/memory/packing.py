"""Checkpoints that come packed: AWQ, GPTQ, fp8 … Which it is, what loads it, on which GPU.

Which method a checkpoint was packed with stands in config.json, or in a file beside it, or only in
the names of its tensors. What transformers makes of it was read in its quantizers
(``validate_environment``): some methods need a library, some a compute capability, and below that
some are unpacked to 16 bits while others are refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from course_utils.memory.headers import StoredTensor
from course_utils.memory.quantization import BITSANDBYTES

TRANSFORMERS = "transformers"
MLX = "mlx"
FP8 = "fp8"


@dataclass(frozen=True)
class Packing:
    """One method.

    ``install`` is what must be there to load it, as pip names it. ``loader`` is transformers, or
    what loads it in its place. ``capability`` is the least compute capability of a GPU that works
    with the packed weights; on others they are unpacked to 16 bits while loading where ``unpacks``,
    else refused.
    """

    method: str
    install: str = ""
    loader: str = TRANSFORMERS
    capability: tuple[int, int] | None = None
    unpacks: bool = False

    @property
    def by_transformers(self) -> bool:
        return self.loader == TRANSFORMERS

    @property
    def needs(self) -> str:
        """What must be installed, in words; "" where nothing more than the course has."""
        return f"pip install {self.install}" if self.install else ""


PACKINGS = {
    one.method: one
    for one in (
        Packing(BITSANDBYTES),
        Packing(FP8, capability=(8, 9), unpacks=True),
        Packing("mxfp8", capability=(8, 9), unpacks=True),
        Packing("mxfp4", "'triton>=3.4' kernels", capability=(7, 5), unpacks=True),
        Packing("fbgemm_fp8", "fbgemm-gpu", capability=(9, 0)),
        Packing("awq", "gptqmodel"),
        Packing("gptq", "gptqmodel optimum"),
        Packing("compressed-tensors", "compressed-tensors"),
        Packing("torchao", "torchao"),
        Packing("hqq", "hqq"),
        Packing("quark", "amd-quark"),
        Packing("quanto", "optimum-quanto"),
        Packing("aqlm", "'aqlm[gpu,cpu]'"),
        Packing("auto-round", "auto-round"),
        Packing("vptq", "vptq"),
        Packing("spqr", "'spqr_quant[gpu]'"),
        Packing("eetq", "kernels"),
        Packing("higgs", "flute-kernel fast_hadamard_transform"),
        Packing("fp_quant", "fp_quant", capability=(10, 0)),
        Packing("fouroversix", "fouroversix"),
        Packing("sinq", "sinq"),
        Packing("bitnet"),
        Packing("nvfp4", "vllm", loader="vLLM", capability=(10, 0)),
        Packing("modelopt", "vllm", loader="vLLM or TensorRT-LLM"),
        Packing("exl2", "exllamav2", loader="ExLlamaV2"),
        Packing("exl3", "exllamav3", loader="ExLlamaV3"),
        Packing(MLX, "mlx-lm", loader="mlx-lm, on Apple silicon"),
    )
}
# Files beside config.json that tell of a packing. transformers does not read them.
TOLD_BESIDE = {
    "hf_quant_config.json": "modelopt",
    "quantize_config.json": "gptq",
    "quant_config.json": "awq",
}
# What the last part of a tensor's name tells, the surest first.
TOLD_BY_NAMES = (
    (r"(qweight|qzeros|g_idx)", "gptq"),
    (r"(weight_packed|weight_zero_point|weight_shape)", "compressed-tensors"),
    (r"(q_weight|q_scale|q_scale_max|q_groups|q_invperm)", "exl2"),
    (r"(trellis|suh|svh)", "exl3"),
    (r"weight_scale_inv", "fp8"),
    (r"\w+_blocks", "mxfp4"),
    (r"(absmax|nested_absmax|quant_map|SCB|bitsandbytes__\w+)", BITSANDBYTES),
    (r"(weight_scale_2|weight_scale|input_scale)", "modelopt"),
    (r"W_q", "hqq"),
    (r"codebooks?", "aqlm"),
    (r"(_data|_qdata|_weight_qdata)", "torchao"),
)
LEAST_SHARE = 0.01  # of the tensors must tell so; one stray name is none
FOREIGN_DTYPE = re.compile(r"F4|F6_\w+|I4|U4|I2|U2|I1|U1")  # no whole byte each: no torch reads it


def packing_of(
    packed_by: Mapping[str, Any] | None,
    tensors: Mapping[str, StoredTensor],
    files: Collection[str] = (),
) -> Packing | None:
    """How a checkpoint is packed, by its config, else by a file beside it, else by its names.

    Args:
        packed_by: its ``quantization_config``, if any.
        tensors: by its headers; {} where they are not known.
        files: the names of its files.
    """
    named = method_of(packed_by)
    if named:
        return packing_named(named)
    told = told_by_names(tensors)
    beside = next((TOLD_BESIDE[one] for one in TOLD_BESIDE if one in files), None)
    if told is None:
        return None
    return PACKINGS[beside if beside and told != MLX else told]


def packing_named(method: str) -> Packing:
    return PACKINGS.get(method, Packing(method, loader="another library"))


def told_by_names(tensors: Mapping[str, StoredTensor]) -> str | None:
    """The method that the names and dtypes of tensors tell of; None where nothing is packed."""
    parts = Counter(name.rpartition(".")[2] for name in tensors)
    least = LEAST_SHARE * len(tensors)
    for pattern, method in TOLD_BY_NAMES:
        if sum(count for part, count in parts.items() if re.fullmatch(pattern, part)) > least:
            return method
    whole = any(one.dtype == "uint32" for one in tensors.values())
    if whole and parts["scales"] > least:
        return MLX
    return None


def foreign_dtypes(tensors: Iterable[StoredTensor]) -> str:
    """Dtypes of less than a byte that no tensor of torch loads from: "F4"; "" for none."""
    return ", ".join(sorted({one.dtype for one in tensors if FOREIGN_DTYPE.fullmatch(one.dtype)}))


def method_of(packed_by: Mapping[str, Any] | None) -> str | None:
    """ "fp8", "mxfp4", "bitsandbytes" …: what a ``quantization_config`` names.

    As transformers reads it: a flag of bitsandbytes comes before the name.
    """
    if packed_by is None:
        return None
    if packed_by.get("load_in_8bit") or packed_by.get("load_in_4bit"):
        return BITSANDBYTES
    method = packed_by.get("quant_method")
    return str(getattr(method, "value", method)) if method else None


def stays_packed(packing: Packing, kind: str | None, capability: str | None) -> bool | None:
    """Whether a device works with the packed weights; None where nobody said which device.

    Args:
        packing: how the checkpoint is packed.
        kind: "cuda", "mps", "cpu", or None.
        capability: of a GPU, "7.5" say; None where it is not known, of a GPU given in bytes: it is
            taken to be new enough, and ``if_new_enough`` says so.
    """
    if packing.capability is None:
        return True
    if kind is None and capability is None:
        return None
    if kind not in (None, "cuda"):
        return False
    return capability is None or has_capability(capability, packing.capability)


def if_new_enough(packing: Packing, kind: str | None, capability: str | None) -> str:
    """A condition in words, where it is not known whether a GPU works with the packed weights."""
    if packing.capability is None or kind != "cuda" or capability is not None:
        return ""
    return f"if your GPU has compute capability {in_digits(packing.capability)} or newer"


def has_capability(capability: str, least: tuple[int, int]) -> bool:
    return tuple(int(part) for part in capability.split(".")) >= least


def in_digits(capability: tuple[int, int]) -> str:
    return ".".join(map(str, capability))
