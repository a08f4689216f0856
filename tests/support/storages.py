"""Which tensors are alive at once while a model works: the ground truth for activations.

Storages are followed from the operation that makes them to the moment they are let go. On the meta
device only shapes go through, so a model of full size can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Storages(TorchDispatchMode):
    """``peak``: the most bytes that were alive at once of what was made inside."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        given = {_key(one) for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)}
        out = function(*args, **kwargs)
        for one in tree_leaves(out):
            if isinstance(one, torch.Tensor) and _key(one) not in given:
                storage = one.untyped_storage()
                self._alive[_key(one)] = StorageWeakRef(storage), storage.nbytes()
        self.peak = max(self.peak, self.alive())
        return out

    def alive(self) -> int:
        """Bytes, now."""
        self._alive = {key: one for key, one in self._alive.items() if not one[0].expired()}
        return sum(size for _, size in self._alive.values())


class FusedAttention(TorchFunctionMode):
    """Attention as a fused kernel does it: only the output is held."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if function is torch.nn.functional.scaled_dot_product_attention:
            query, _, value = args[:3]
            batch, heads, tokens, _ = query.shape
            out = torch.empty(
                batch, tokens, heads, value.shape[-1], dtype=query.dtype, device=query.device
            )
            return out.transpose(1, 2)
        return function(*args, **(kwargs or {}))


@contextmanager
def fused() -> Iterator[None]:
    with FusedAttention():
        yield


def peak_of_prefill(model: Any, tokens: int, batch: int = 1) -> tuple[int, int]:
    """Bytes that reading a prompt holds at most beside the weights, and bytes of its cache."""
    inputs = torch.ones(batch, tokens, dtype=torch.long, device=model.device)
    with torch.no_grad(), fused(), Storages() as storages:
        out = model(inputs, use_cache=True, logits_to_keep=1)
    cache = sum(
        one.untyped_storage().nbytes()
        for layer in out.past_key_values.layers
        for one in (layer.keys, layer.values)
    )
    return storages.peak, cache


def _key(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
