"""Which files ``from_pretrained`` takes the weights from: it goes by the index, not by the names.

Its order is read in transformers (``_get_resolved_checkpoint_files``): the file that config.json
names, ``model.safetensors``, its index, ``pytorch_model.bin``, its index. Nothing else in a repo is
looked at, whatever it is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from course_utils.errors import CannotTell
from course_utils.memory.headers import json_object
from course_utils.text import shorten

SINGLE = "model.safetensors"
INDEX = ".index.json"
IN_ORDER = (SINGLE, SINGLE + INDEX, "pytorch_model.bin", "pytorch_model.bin" + INDEX)
SHARDS = (r"model-\d+-of-\d+\.safetensors", r"pytorch_model-\d+-of-\d+\.bin")
NAMED_BY_CONFIG = "transformers_weights"
MOST_NAMED = 3
# What is no weights for from_pretrained, and what would load it.
OTHERS = (
    (
        r".*\.gguf",
        'GGUF files, for llama.cpp. from_pretrained("{name}", gguf_file="{file}") reads one too, with '
        "the gguf package: packed where `kernels` is installed, else unpacked to the dtype that is "
        "asked for. In llama.cpp a GGUF file takes about its own size",
    ),
    (r"adapter_model\.(safetensors|bin)", "an adapter (LoRA), which `peft` puts on its base model"),
    (r"(model|pytorch_model)\.[\w.-]+\.(safetensors|bin)", ""),  # a variant: see _variant
    (r".*\.onnx(_data)?", "ONNX files, which `optimum` or onnxruntime loads"),
    (r"(tf_model|model)\.h5|.*\.keras", "weights for TensorFlow, which transformers 5 has left"),
    (r"flax_model.*\.msgpack", "weights for Flax, which transformers 5 has left"),
    (r".*\.(pth|pt|ckpt|bin)", "files of PyTorch that only their own makers' code reads"),
    (r"consolidated.*\.safetensors", "weights in the layout of their maker, which vLLM reads"),
    (r".*\.(mlmodel|mlpackage|tflite|engine|nemo)", "files for another runtime"),
    (r".*\.safetensors", "safetensors files under names that transformers does not look for"),
)
SHARDS_ALONE = re.compile("|".join(SHARDS))
VARIANT = re.compile(r"(?:model|pytorch_model)\.(.+?)(?:-\d+-of-\d+)?\.(?:safetensors|bin)")


@dataclass(frozen=True)
class WeightFiles:
    """``names`` in the order in which they are read; ``dtype`` where the index names one."""

    names: tuple[str, ...] = ()
    dtype: str | None = None


def weight_files(
    name: str, files: Collection[str], config: Mapping[str, Any], read: Callable[[str], str]
) -> WeightFiles:
    """The files of a repo or folder with the weights that ``from_pretrained`` would load.

    Args:
        name: of the repo or folder, as messages name it.
        files: the names of all its files.
        config: the fields of its config.json.
        read: gives the text of a file, for the index.

    Raises:
        CannotTell: ``from_pretrained`` would raise; the message says what, and what would load it.
    """
    named = config.get(NAMED_BY_CONFIG)
    order = (named,) if isinstance(named, str) else IN_ORDER
    first = next((one for one in order if one in files), None)
    if first is None:
        raise CannotTell(name, _nothing_to_load(name, files, named))
    return _of_index(name, first, files, read) if first.endswith(INDEX) else WeightFiles((first,))


def weight_files_by_name(files: Collection[str]) -> WeightFiles:
    """A guess, for a repo whose index is behind its gate."""
    for pattern in (re.escape(SINGLE), SHARDS[0], r"pytorch_model\.bin", SHARDS[1]):
        found = sorted(one for one in files if re.fullmatch(pattern, one))
        if found:
            return WeightFiles(tuple(found))
    return WeightFiles()


def _of_index(
    name: str, index: str, files: Collection[str], read: Callable[[str], str]
) -> WeightFiles:
    content = json_object(read(index), f"{index} of {name}")
    weight_map, metadata = content.get("weight_map"), content.get("metadata")
    if not isinstance(weight_map, Mapping) or not weight_map:
        raise CannotTell(name, f"its {index} names no files. {_raises('KeyError or IndexError')}")
    if not isinstance(metadata, Mapping):
        raise CannotTell(name, f'its {index} lacks "metadata". {_raises("KeyError")}')
    shards = sorted({str(one) for one in weight_map.values()})
    missing = [one for one in shards if one not in files or ".." in PurePosixPath(one).parts]
    if missing:
        named = ", ".join(missing[:MOST_NAMED]) + (" …" if len(missing) > MOST_NAMED else "")
        reason = (
            f"its {index} names {len(shards)} files, and {len(missing)} of them "
            f"{'is' if len(missing) == 1 else 'are'} missing: {named}. "
            f"{_raises('FileNotFoundError or OSError')} Get the rest, or tell the owner"
        )
        raise CannotTell(name, f"{reason}.")
    dtype = metadata.get("dtype")
    return WeightFiles(tuple(shards), dtype if isinstance(dtype, str) else None)


def _nothing_to_load(name: str, files: Collection[str], named: Any) -> str:
    raises = _raises("OSError")
    if isinstance(named, str):
        return f"its config.json names {named} as its weights, and there is no such file. {raises}"
    shards = [one for one in files if SHARDS_ALONE.fullmatch(one)]
    if shards:
        return (
            f"it has {len(shards)} shards and no index (*{INDEX}) that says what is in them. "
            f"{raises} Get the index, or tell the owner."
        )
    for pattern, what in OTHERS:
        found = sorted(one for one in files if re.fullmatch(pattern, one.rpartition("/")[2]))
        if found:
            what = what or _variant(found[0])
            words = what.format(name=name, file=found[0])
            return (
                f"it holds no weights that from_pretrained would load by itself ({raises}): only "
                f"{words} ({shorten(', '.join(found[:MOST_NAMED]), 80)})."
            )
    return f"it holds no weights at all. {raises}"


def _variant(file: str) -> str:
    match = VARIANT.fullmatch(file.rpartition("/")[2])
    which = match[1] if match else "…"
    return f'a variant, for from_pretrained("{{name}}", variant="{which}")'


def _raises(what: str) -> str:
    return f"from_pretrained raises {what}."
