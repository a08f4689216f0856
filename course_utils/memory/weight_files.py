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
LONGEST = 80  # characters of the names of files in a message
VARIANT = re.compile(r"(?:model|pytorch_model)\.(.+?)(?:-\d+-of-\d+)?\.(?:safetensors|bin)")
# What is no weights for from_pretrained, and what would load it.
OTHERS = (
    (
        r".*\.gguf",
        "It holds GGUF files, made for llama.cpp, which runs one in about its own size. With the "
        'gguf package from_pretrained("{name}", gguf_file="{file}") reads one too: packed where '
        "`kernels` is installed, else unpacked to the dtype that you ask for. cu.ways_to_fit() "
        "shows each of them with its size.",
    ),
    (
        r"adapter_model\.(safetensors|bin)",
        "It is an adapter (LoRA), a small addition that peft puts on another model: ask for the "
        "base model that its adapter_config.json names.",
    ),
    (
        VARIANT.pattern,
        'It holds a variant: from_pretrained("{name}", variant="{variant}") loads it.',
    ),
    (r".*\.onnx(_data)?", "It holds ONNX files: onnxruntime loads them, or optimum."),
    (
        r"(tf_model|model)\.h5|.*\.keras",
        "It holds weights for TensorFlow, which transformers 5 no longer reads: version 4 with "
        "from_tf=True converts them.",
    ),
    (
        r"flax_model.*\.msgpack",
        "It holds weights for Flax, which transformers 5 no longer reads: transformers 4 with "
        "from_flax=True converts them.",
    ),
    (
        r"consolidated.*|.*\.(pth|pt|ckpt)",
        "It holds weights in the layout of their maker, whose own code loads them; look for a "
        "repo of the same model that is made for transformers.",
    ),
    (
        r".*\.(safetensors|bin)",
        "It holds weights under a name that transformers does not look for; if they are whole, "
        'rename the file "model.safetensors" or name it in config.json as "transformers_weights".',
    ),
    (r".*\.(mlmodel|tflite|engine|nemo|xml)", "It holds files for another runtime."),
)
SHARDS_ALONE = re.compile("|".join(SHARDS))


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

    Returns:
        Those files; none where it holds no weights of any kind.

    Raises:
        CannotTell: ``from_pretrained`` would raise; the message says what, and what would load it.
    """
    named = config.get(NAMED_BY_CONFIG)
    order = (named,) if isinstance(named, str) else IN_ORDER
    first = next((one for one in order if one in files), None)
    if first is None:
        reason = _nothing_to_load(name, files, named)
        if reason is None:
            return WeightFiles()
        raise CannotTell(name, reason)
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


def _nothing_to_load(name: str, files: Collection[str], named: Any) -> str | None:
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
            match = VARIANT.fullmatch(found[0].rpartition("/")[2])
            words = what.format(name=name, file=found[0], variant=match[1] if match else "")
            named = shorten(", ".join(found), LONGEST)
            return f"no file in it is one that transformers looks for. {raises} {words} ({named})"
    return None


def _raises(what: str) -> str:
    return f"from_pretrained raises {what}."
