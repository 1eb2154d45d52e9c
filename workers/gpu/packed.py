"""Linear layers whose weights are laid out once as oneDNN multiplies them: on a CPU up to twice as fast for few rows."""

from itertools import count
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from workers.gpu.operators import define
from workers.gpu.trusted import change_if_same

_ROWS = 32  # for which the layout is chosen; it serves any number


class LayerOf(nn.Module):
    """The packed layer of that number, maybe another process's: all that a compiler sees of it."""

    def __init__(self, number: int, width: int) -> None:
        super().__init__()
        self.number, self.width = number, width

    def forward(self, rows: Tensor) -> Tensor:
        """[..., features] to [..., width]."""
        made: Tensor = torch.ops.mainspring.packed_linear(rows, self.number, self.width)
        return made


class PackedLinear(LayerOf):
    """`weight`: [width, features]; it isn't kept, only its packed copy."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(next(_NUMBERS), weight.size(0))
        self.packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _ROWS)  # noqa: SLF001
        self.bias = bias
        _LAYERS[self.number] = self


_NUMBERS = count()
_LAYERS: WeakValueDictionary[int, PackedLinear] = WeakValueDictionary()


def pack(model: PreTrainedModel) -> None:
    """Pack all linear layers in place, where this build of torch can and the data type is one that it packs."""
    able = torch.backends.mkldnn.is_available() and model.device.type == "cpu"  # type: ignore[no-untyped-call]
    if able and model.dtype in (torch.float32, torch.bfloat16):
        _pack(model)


def pack_if_same(model: PreTrainedModel, inputs: dict[str, Tensor]) -> bool:
    """Pack it, and take that back if it then fails or answers something else. `inputs` are what it is tried with."""
    layers = {name: one for name, one in model.named_modules() if isinstance(one, nn.Linear | Conv1D)}

    def unpack() -> None:
        for name, layer in layers.items():
            model.set_submodule(name, layer)

    return change_if_same(model, inputs, lambda: pack(model), unpack)


def _pack(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, PackedLinear(child.weight, child.bias))
        elif isinstance(child, Conv1D):
            setattr(module, name, PackedLinear(child.weight.t().contiguous(), child.bias))
        else:
            _pack(child)


def _packed_linear(rows: Tensor, layer: int, _width: int) -> Tensor:
    held = _LAYERS[layer]
    made: Tensor = torch.ops.mkldnn._linear_pointwise(rows, held.packed, held.bias, "none", [], "")  # noqa: SLF001
    return made


define("packed_linear(Tensor rows, int layer, int width) -> Tensor", _packed_linear)


@torch.library.register_fake("mainspring::packed_linear")  # type: ignore[untyped-decorator]
def _shape(rows: Tensor, _layer: int, width: int) -> Tensor:
    return rows.new_empty(*rows.shape[:-1], width)
