"""A model without memory: built by transformers on the meta device, where tensors have only shapes.

Everything is asked of the installed transformers and bitsandbytes: which class a config names,
which tensors it has, which stay in float32, which linear layers would be replaced.
"""

from __future__ import annotations

import copy
import json
import logging
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_utils.errors import CannotTell
from course_utils.memory.packing import method_of
from course_utils.memory.quantization import BITSANDBYTES
from course_utils.memory.weights import Tensor
from course_utils.text import shorten

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

QUANTIZATION = "quantization_config"


def config_of(name: str, fields: Mapping[str, Any]) -> PreTrainedConfig:
    """The config that transformers makes of the fields of a config.json. Runs no foreign code.

    Raises:
        CannotTell: transformers does not know this type of model, or refuses a field.
    """
    import transformers

    model_type = fields.get("model_type")
    if model_type not in transformers.CONFIG_MAPPING:
        if fields.get("auto_map"):
            raise CannotTell(
                name,
                "its code lies in its repo (trust_remote_code), and nothing here runs a stranger's "
                "code to count bytes. Look at the size of its files.",
            )
        raise CannotTell(
            name,
            f"its config.json says model_type {model_type!r}, which transformers "
            f"{transformers.__version__} does not know. Is it of another library, or newer?",
        )
    try:
        with quiet(), tempfile.TemporaryDirectory() as folder:
            Path(folder, "config.json").write_text(json.dumps(fields), encoding="utf-8")
            config: PreTrainedConfig = transformers.AutoConfig.from_pretrained(
                folder, trust_remote_code=False
            )
            return config
    except Exception as error:  # configs check their fields each in its own way
        raise CannotTell(name, f"transformers refuses its config: {in_a_line(error)}") from error


def model_class(config: PreTrainedConfig) -> type[PreTrainedModel]:
    """The class that ``config.architectures`` names, or the language model of its type.

    Raises:
        CannotTell: transformers has no such class.
    """
    import transformers
    from transformers.models.auto import modeling_auto

    named = next(iter(config.architectures or ()), None)
    found = getattr(transformers, str(named), None)
    if isinstance(found, type):
        return found
    if named:
        raise CannotTell(named, f"transformers {transformers.__version__} has no such class.")
    for mapping in (modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING, modeling_auto.MODEL_MAPPING):
        if type(config) in mapping:
            of_type: Any = mapping[type(config)]
            cls: type[PreTrainedModel] = of_type[0] if isinstance(of_type, tuple) else of_type
            return cls
    raise CannotTell(
        type(config).__name__,
        "it names no class in `architectures`, and transformers has no model of this type.",
    )


def build(name: str, config: PreTrainedConfig, cls: type[Any], dtype: str) -> PreTrainedModel:
    """The model that ``from_pretrained(…, dtype=dtype)`` would fill: on the meta device, not tied.

    Raises:
        CannotTell: transformers cannot build it, here or at all.
    """
    import torch
    from transformers.initialization import no_tie_weights

    try:
        with quiet(), torch.device("meta"), no_tie_weights():
            model: PreTrainedModel = cls._from_config(
                copy.deepcopy(config), dtype=getattr(torch, dtype)
            )
    except Exception as error:  # a config may be wrong in more ways than can be listed
        raise CannotTell(name, f"transformers cannot build it: {in_a_line(error)}") from error
    torch.nn.Module.eval(model)
    return model


def tensors_of(
    model: PreTrainedModel, dtype: str, packed_by: Mapping[str, Any] | None = None
) -> tuple[tuple[Tensor, ...], dict[str, str]]:
    """The tensors of a model as they are right after loading, tied ones once; and the ties.

    The model is no use afterwards: its linear layers were replaced as bitsandbytes would, which
    looks at them before they are tied.

    Args:
        model: from ``build``.
        packed_by: the ``quantization_config`` of a checkpoint that bitsandbytes has quantized.
    """
    in_float32 = _kept_in_float32(model, dtype)
    stored = model.state_dict().keys()
    built = dict([*model.named_parameters(), *model.named_buffers()])
    replaced = _replaced_by_bitsandbytes(model, packed_by)
    with quiet():
        model.tie_weights()
    parameters = [name for name, _ in model.named_parameters()]
    buffers = [name for name, _ in model.named_buffers()]
    found: list[Tensor] = []
    for name in [*parameters, *buffers]:
        tensor = built[name]
        cast = tensor.is_floating_point() or name in stored  # a loaded count becomes a float, too
        kept = cast and in_float32 and in_float32.search(name)
        found.append(
            Tensor(
                name=name,
                shape=replaced.get(name, tuple(tensor.shape)),
                dtype="float32" if kept else str(tensor.dtype).removeprefix("torch."),
                quantizable=name in replaced,
                is_parameter=len(found) < len(parameters),
            )
        )
    return tuple(found), dict(model.all_tied_weights_keys)


def _kept_in_float32(model: PreTrainedModel, dtype: str) -> re.Pattern[str] | None:
    """What ``_keep_in_fp32_modules`` and its strict sister mean for this dtype."""
    import torch

    patterns = list(model._get_dtype_plan(getattr(torch, dtype)))
    return re.compile("|".join(name.replace("*", ".*") for name in patterns)) if patterns else None


def _replaced_by_bitsandbytes(
    model: PreTrainedModel, packed_by: Mapping[str, Any] | None
) -> dict[str, tuple[int, int]]:
    """Name and shape (out, in) of the weights that would be quantized."""
    from transformers import BitsAndBytesConfig
    from transformers.quantizers import AutoHfQuantizer

    with quiet():
        from bitsandbytes.nn import Linear4bit, Linear8bitLt

        four_bits: Callable[..., Any] = BitsAndBytesConfig
        quantizer = AutoHfQuantizer.from_config(
            dict(packed_by) if packed_by else four_bits(load_in_4bit=True),
            pre_quantized=bool(packed_by),
        )
        quantizer.preprocess_model(model=model, device_map=None)
    return {
        f"{name}.weight": (module.out_features, module.in_features)
        for name, module in model.named_modules()
        if isinstance(module, (Linear4bit, Linear8bitLt))
    }


def packed_tensors_of(
    model: PreTrainedModel, dtype: str, packed_by: Mapping[str, Any]
) -> tuple[Tensor, ...]:
    """The tensors of a model whose checkpoint stays packed, as its quantizer sets them up.

    The model is no use afterwards.
    """
    with quiet():
        quantizer = quantizer_of(packed_by)
        quantizer.preprocess_model(model=model, device_map=None)
    return tensors_of(model, dtype)[0]


def checked_quantization(name: str, config: PreTrainedConfig) -> Mapping[str, Any] | None:
    """The ``quantization_config`` of a config, where transformers would not choke on it.

    Raises:
        CannotTell: ``from_pretrained`` would raise; the message says what.
    """
    text = config.get_text_config(decoder=True)
    found = getattr(config, QUANTIZATION, None) or getattr(text, QUANTIZATION, None)
    if not found:
        return None
    if hasattr(found, "to_dict"):
        found = found.to_dict()
    raises = "from_pretrained raises"
    if not isinstance(found, Mapping):
        what = f"its {QUANTIZATION} is {shorten(repr(found), 60)} and no object"
        raise CannotTell(name, f"{what}: {raises} AttributeError.")
    if method_of(found) is None:
        what = f"its {QUANTIZATION} names no quant_method: {raises} ValueError"
        hint = "ask for the model that it was made from"
        if "group_size" in found:
            hint = f"if it was made for Apple silicon, mlx-lm loads it; else {hint}"
        raise CannotTell(name, f"{what}. As packed by another library: {hint}.")
    if method_of(found) == BITSANDBYTES and is_read(found):
        try:
            quantizer_of(found)
        except Exception as error:  # flags are checked each in its own way
            reason = f"transformers refuses its {QUANTIZATION}: {in_a_line(error)}"
            raise CannotTell(name, reason) from error
    return found


def is_read(packed_by: Mapping[str, Any]) -> bool:
    """Whether transformers knows the method; else it leaves the ``quantization_config`` aside."""
    from transformers.quantizers import AutoHfQuantizer

    with quiet():
        return bool(AutoHfQuantizer.supports_quant_method(dict(packed_by)))


def quantizer_of(packed_by: Mapping[str, Any]) -> Any:
    from transformers.quantizers import AutoHfQuantizer

    with quiet():
        return AutoHfQuantizer.from_config(copy.deepcopy(dict(packed_by)), pre_quantized=True)


def unpacked_here(packed_by: Mapping[str, Any]) -> bool:
    """Whether a checkpoint packed in fp8, MXFP4 … becomes 16 bits when it is loaded on this device.

    Raises:
        Exception: what transformers raises where it cannot load such a checkpoint here.
    """
    with quiet():
        quantizer = quantizer_of(packed_by)
        quantizer.validate_environment(device_map=None)
    return bool(getattr(quantizer.quantization_config, "dequantize", False))


def in_a_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[:300]}" if lines else type(error).__name__


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is loaded here: what the libraries say meanwhile would only puzzle."""
    loggers = [logging.getLogger(name) for name in ("transformers", "bitsandbytes")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
