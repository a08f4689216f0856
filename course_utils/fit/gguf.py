"""Repos and folders that hold GGUF files: one way to run each, by its stored size.

llama.cpp runs a GGUF file as it is stored. transformers can unpack one to 16 bits while it loads
(``gguf_file=``, read in transformers 5.24), for which it wants the library ``gguf``. bitsandbytes
never comes on top. The bytes of a file are known; its cache is that of models of its size.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_utils.fit.code import ON_ONE, in_quotes
from course_utils.fit.ways import Way, half_precision, needed_on, usable_bytes, verdict
from course_utils.gpus import Device, Gpu
from course_utils.hub.client import model_info
from course_utils.memory import Checkpoint, MemoryEstimate
from course_utils.memory.assumptions import Assumptions
from course_utils.memory.by_bounds import by_count
from course_utils.memory.estimate import add_up
from course_utils.memory.inventory import Attention

PIECE = re.compile(r"(.+)-\d{5}-of-(\d{5})\.gguf")
PROJECTOR = re.compile(r"mmproj.*\.gguf")  # the eyes of a model that lies in another file
ORDINARY_BITS = 4.8  # a value, of a file whose header nobody has read: that of Q4_K_M
SECONDS = 30.0


@dataclass(frozen=True)
class GgufFile:
    """One model. ``file`` is what a loader is told, of several pieces the first. ``values``: how
    many numbers it holds, None where nobody says."""

    file: str
    bytes: int
    is_whole: bool
    values: int | None = None


def gguf_files(model: Any) -> tuple[GgufFile, ...]:
    """The models in the GGUF files of a repo or folder, the largest first; those of known size.

    Raises:
        CourseError: the Hub gives no answer.
    """
    if not isinstance(model, (str, os.PathLike)):
        return ()
    folder = Path(model)
    if folder.is_dir():
        sizes = {
            one.relative_to(folder).as_posix(): one.stat().st_size
            for one in (*folder.glob("*.gguf"), *folder.glob("*/*.gguf"))
        }
        return _models(sizes, lambda file: _values_of(folder / file))
    info = model_info(str(model), SECONDS, files_metadata=True)
    held = {one.rfilename: one.size for one in info.siblings or () if one.size}
    told = getattr(info, "gguf", None) or {}
    values = told.get("total")
    return _models(held, lambda _: values if type(values) is int and values > 0 else None)


def _models(sizes: dict[str, int], values_of: Any) -> tuple[GgufFile, ...]:
    pieces: dict[str, list[str]] = defaultdict(list)
    for name in sorted(sizes):
        if name.endswith(".gguf") and not PROJECTOR.fullmatch(name.rpartition("/")[2]):
            match = PIECE.fullmatch(name)
            pieces[match[1] if match else name].append(name)
    found = [
        GgufFile(names[0], sum(sizes[one] for one in names), len(names) == 1, values_of(names[0]))
        for names in pieces.values()
    ]
    return tuple(sorted(found, key=lambda one: -one.bytes))


def _values_of(path: Path) -> int | None:
    """Read by the library ``gguf``, where it is installed and the file is whole."""
    try:
        from gguf import GGUFReader

        return sum(int(one.n_elements) for one in GGUFReader(path).tensors) or None
    except Exception:  # not installed, or a file that is none: its size is known all the same
        return None


def gguf_ways(
    model: Any, files: tuple[GgufFile, ...], target: Gpu | Device, assumed: Assumptions
) -> tuple[tuple[Way, ...], MemoryEstimate]:
    """A way for each file, and one that unpacks the first; and the estimate of the first."""
    name = os.fspath(model)
    estimates = [_estimate(name, one, assumed, unpacked=False) for one in files]
    ways = [
        _way(f"{one.file} as stored", one, found, target, _by_llama_cpp(name, one, target, assumed))
        for one, found in zip(files, estimates, strict=True)
    ]
    whole = next((one for one in files if one.is_whole and one.values), None)
    if whole:
        dtype = half_precision("bfloat16", target)
        found = _estimate(name, whole, replace(assumed, dtype=dtype), unpacked=True)
        code = _by_transformers(name, whole, dtype, target)
        ways.append(_way(f"{whole.file}, unpacked to {dtype}", whole, found, target, code))
    return tuple(ways), estimates[0]


def _estimate(name: str, one: GgufFile, assumed: Assumptions, *, unpacked: bool) -> MemoryEstimate:
    values = one.values or round(one.bytes * 8 / ORDINARY_BITS)
    guess = by_count(Checkpoint(name, counts={"F16": values}), assumed.dtype)
    if not unpacked:  # llama.cpp has kernels of its own for attention
        guess = replace(
            guess,
            tensors_between=None,
            weights=one.bytes,
            basis="stored",
            attention=Attention(),
            loadable=False,
        )
    size = f"{one.values:,} values" if one.values else "its size alone"
    notes = f"its cache and activations are those of models like it, by {size}"
    return add_up(replace(guess, stored=one.bytes, notes=(notes,)), assumed)


def _way(
    way: str, one: GgufFile, found: MemoryEstimate, target: Gpu | Device, how: tuple[str, str]
) -> Way:
    needed, (why, code) = needed_on(target, found), how
    return Way(
        way=way,
        dtype=found.dtype,
        quantization=None,
        bytes=needed.expected,
        low=needed.low,
        high=needed.high,
        verdict=verdict(needed, usable_bytes(target)),
        host_ram=needed.expected if target.kind == "cpu" else None,
        disk=one.bytes,
        download=0 if Path(found.model).is_dir() else one.bytes,
        code=code,
        why=why,
    )


def _by_llama_cpp(
    name: str, one: GgufFile, target: Gpu | Device, assumed: Assumptions
) -> tuple[str, str]:
    layers = 0 if target.kind == "cpu" else -1
    where = f"repo_id={in_quotes(name)},\n    filename={in_quotes(one.file)}"
    call = "Llama.from_pretrained"
    if Path(name).is_dir():
        call, where = "Llama", f"model_path={in_quotes((Path(name) / one.file).as_posix())}"
    code = (
        "# pip install llama-cpp-python\n"
        "# llama.cpp loads this as it is stored; from_pretrained without gguf_file= does not.\n"
        "from llama_cpp import Llama\n\n"
        f"model = {call}(\n    {where},\n"
        f"    n_gpu_layers={layers},\n    n_ctx={assumed.context * assumed.batch},\n)"
    )
    return "made for llama.cpp (pip install llama-cpp-python), which runs it packed", code


def _by_transformers(name: str, one: GgufFile, dtype: str, target: Gpu | Device) -> tuple[str, str]:
    place = ON_ONE[target.kind]
    lines = [
        "# pip install gguf",
        "import torch",
        "from transformers import AutoModelForCausalLM, GgufConfig",
        "",
        "model = AutoModelForCausalLM.from_pretrained(",
        f"    {in_quotes(Path(name).as_posix() if Path(name).is_dir() else name)},",
        f"    gguf_file={in_quotes(one.file)},",
        "    quantization_config=GgufConfig(dequantize=True),",
        f"    dtype=torch.{dtype},",
        *([f"    device_map={place},"] if place else []),
        ")",
    ]
    why = (
        "transformers unpacks it (pip install gguf): no gain in quality, for other libraries' sake"
    )
    return why, "\n".join(lines)
