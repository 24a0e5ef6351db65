"""How much memory work holds at its peak, found on meta tensors: shapes alone, on any machine."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Held(TorchDispatchMode):
    """Follows the storages that operations make until they are given back."""

    def __init__(self) -> None:
        super().__init__()
        self._storages: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self._bytes = 0
        self.peak = 0

    def __torch_dispatch__(self, function: Any, _: Any, given: tuple = (), named: Any = None) -> Any:
        known = {self._key(leaf) for leaf in tree_leaves((given, named)) if isinstance(leaf, Tensor)}
        result = function(*given, **(named or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and self._key(leaf) not in known:
                self._follow(leaf.untyped_storage())
        self.peak = max(self.peak, self._bytes)
        return result

    @staticmethod
    def _key(tensor: Tensor) -> int:
        return tensor.untyped_storage()._cdata

    def _follow(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._storages:
            return

        def given_back(_: object) -> None:
            del self._storages[key]
            self._bytes -= size

        self._storages[key] = weakref.ref(storage, given_back)
        self._bytes += size


def peak_bytes(work: Callable[[], object]) -> int:
    """The most bytes held at once by what ``work`` makes; what was there before does not count."""
    with _Held() as held:
        work()
    return held.peak


class _FusedAttention(torch.autograd.Function):
    """Attention that holds what the fused kernels hold: queries, keys, values and the result, no table of weights."""

    @staticmethod
    def forward(context: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        output = query.new_empty((*query.shape[:-1], value.shape[-1]))
        context.save_for_backward(query, key, value, output)
        return output

    @staticmethod
    def backward(context: Any, _: Tensor) -> tuple[Tensor, ...]:
        return tuple(map(torch.empty_like, context.saved_tensors[:3]))


def fused_attention(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> Tensor:
    """In the place of ``scaled_dot_product_attention``, where only shapes count."""
    return _FusedAttention.apply(query, key, value)
