"""Models of full size without a download: transformers loads random tensors as it loads files.

``from_pretrained`` slices each tensor out of a checkpoint when its turn has come. Here it slices
something that makes the tensor at that moment, on the device where it belongs. All the rest is the
library's own work: what is quantized, tied, kept in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_utils.memory.quantization import QUANTIZATIONS

if TYPE_CHECKING:
    import torch
    from transformers import BitsAndBytesConfig, PreTrainedConfig, PreTrainedModel

SPREAD = 0.02


@dataclass(frozen=True)
class RandomTensor:
    """Stands in a state dict like a slice of a safetensors file; ``[...]`` gives the tensor."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    device: str

    def __getitem__(self, _: Any) -> torch.Tensor:
        import torch

        empty = torch.empty(self.shape, dtype=self.dtype, device=self.device)
        return empty.normal_(0, SPREAD) if self.dtype.is_floating_point else empty.zero_()


def load_random(
    config: PreTrainedConfig, dtype: str, quantization: BitsAndBytesConfig | None, device: str
) -> PreTrainedModel:
    """The model of this config with random weights, loaded onto ``device`` ("cuda:0", "cpu")."""
    import torch
    import transformers

    model_class = getattr(transformers, config.architectures[0])
    with torch.device("meta"):
        skeleton = model_class._from_config(config, dtype=getattr(torch, dtype))
    tied = skeleton.all_tied_weights_keys
    state = {
        name: RandomTensor(tuple(tensor.shape), tensor.dtype, device)
        for name, tensor in skeleton.state_dict().items()
        if name not in tied
    }
    return model_class.from_pretrained(
        None,
        config=config,
        state_dict=state,
        dtype=getattr(torch, dtype),
        quantization_config=quantization,
        device_map={"": device},
    ).eval()


def bits_and_bytes(quantization: str | None, dtype: str) -> BitsAndBytesConfig | None:
    """For a quantization of ``QUANTIZATIONS``, computing in this dtype of torch."""
    import torch
    from transformers import BitsAndBytesConfig

    if quantization is None:
        return None
    options = QUANTIZATIONS[quantization].options
    return BitsAndBytesConfig(**options, bnb_4bit_compute_dtype=getattr(torch, dtype))
