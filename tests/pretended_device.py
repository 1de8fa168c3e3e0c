"""A GPU that is not there: tensors that say they lie on `cuda:0` and are calculated on the CPU all the same.

What a real device would refuse is refused: two tensors of different places in one operation, and random numbers there
from a generator of the CPU. So a whole program runs through, with real numbers, and a tensor that was made on the CPU
beside one of the device is found.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("cuda:0")
MOVES = {"aten::_to_copy", "aten::copy_"}
INDEXED = {"aten::index", "aten::index_put_", "aten::index_put"}
"""Operations whose second argument, the indices, may lie on the CPU."""


class There(Tensor):
    """A tensor on the device that is not there; `inner` lies on the CPU."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> There:
        return Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            device=DEVICE, requires_grad=False,
        )  # fmt: skip

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    def __repr__(self, **_: Any) -> str:
        return f"There({self.inner!r})"

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        if function is Tensor.tolist:
            return arguments[0].inner.tolist()
        if function is Tensor.numpy:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if function is Tensor.__getitem__ and isinstance(arguments[1], list):
            arguments = (arguments[0], torch.tensor(arguments[1]))  # else a driver would be asked for
        with torch._C.DisableTorchFunctionSubclass():
            return function(*arguments, **(named or {}))

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return calculate(operation, arguments, named or {})


def calculate(operation: Any, arguments: Any, named: dict[str, Any]) -> Any:
    """An operation with some of its tensors there."""
    name = operation._schema.name
    bound = (arguments[0], arguments[2:]) if name in INDEXED else arguments
    tensors = [x for x in tree_flatten((bound, named))[0] if isinstance(x, Tensor)]
    there = [x for x in tensors if isinstance(x, There)]
    here = [x for x in tensors if not isinstance(x, There) and x.dim() and x.device.type == "cpu"]
    if there and here and name not in MOVES:
        raise RuntimeError(f"Expected all tensors to be on the same device, but {name} has cuda:0 and cpu")
    wanted = named.get("device")
    if wanted is not None:
        named = {**named, "device": torch.device("cpu")}
    result_there = bool(there) if wanted is None else torch.device(wanted).type == "cuda"
    if name == "aten::copy_":
        result_there = isinstance(arguments[0], There)
    generator = named.get("generator")
    if result_there and generator is not None and generator.device.type == "cpu":
        raise RuntimeError(f"Expected a 'cuda' device type for generator but found 'cpu' in {name}")
    plain = tree_map(lambda x: x.inner if isinstance(x, There) else x, (arguments, named))
    found = operation(*plain[0], **plain[1])
    if operation._schema.name.endswith("_") and isinstance(arguments[0], There):
        return arguments[0]
    return tree_map(lambda x: There(x) if isinstance(x, Tensor) and result_there else x, found)


class Factories(TorchDispatchMode):
    """Tensors that are made with `device="cuda"` are made there."""

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        return calculate(operation, arguments, named or {})


@contextmanager
def pretended_device() -> Iterator[torch.device]:
    """Context in which `cuda:0` can be used."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    # As PyTorch's own fake tensors do it: devices of this kind are known, and no driver is looked for.
    torch._C._ensureCUDADeviceGuardSet()
    begin = torch.cuda._lazy_init
    torch.cuda._lazy_init = lambda: None
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        with Factories(), torch.backends.cudnn.flags(enabled=False):
            yield DEVICE
    finally:
        torch._C._set_only_lift_cpu_tensors(False)
        torch.cuda._lazy_init = begin
        torch.__future__.set_overwrite_module_params_on_conversion(before)
