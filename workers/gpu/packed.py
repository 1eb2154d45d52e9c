"""Linear layers whose weights are laid out once as oneDNN multiplies them: on a CPU up to twice as fast for few rows.

Layers that a module asks of one and the same tensor, such as an attention's query, key and value, are one product:
for few rows half of what a product costs is its call.
"""

from itertools import count
from threading import local
from typing import Any
from weakref import WeakValueDictionary, finalize

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from workers.gpu.native.build import able
from workers.gpu.native.operators import define
from workers.gpu.trusted import change_if_same

_ROWS = 32  # for which the layout is chosen; it serves any number
# oneDNN makes a program for each number of rows, and takes up to five milliseconds for it: of many rows, a multiple.
_FEW, ROUND = 64, 32
_TILED = 32  # features are a multiple of it, where tiles are used
# Names of those that stand together in a module. Whether they get the same tensor is seen anew at each call.
_TOGETHER = (
    ("q_proj", "k_proj", "v_proj"),
    ("query", "key", "value"),
    ("q_lin", "k_lin", "v_lin"),
    ("gate_proj", "up_proj"),
)


class Product:
    """One matrix product of one layer, or of several one beside the other. `width`: of all that it gives."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, sharers: int = 1, *, invariant: bool = True
    ) -> None:
        """`weight`: [width, features]; it isn't kept, only its packed copy.

        `invariant`: each row comes out the same whatever other rows stand beside it, where the processor can.
        """
        self.number, self._sharers = next(_NUMBERS), sharers
        self.width, self.features = weight.shape
        self.tiled = invariant and tileable(weight)
        self.packed: Tensor = _in_tiles(weight.detach()) if self.tiled else _reordered(weight.detach())
        self.bias = bias
        _PRODUCTS[self.number] = self
        if able(weight.dtype):
            kept = (self.number, self.packed, bias, self.width, self.tiled, _FEW, ROUND)
            torch.ops.mainspring.keep_product(*kept)
            finalize(self, torch.ops.mainspring.drop_product, self.number).atexit = False

    def __call__(self, rows: Tensor) -> Tensor:
        """[..., features] to [..., width]."""
        if self.tiled:
            made: Tensor = torch.ops.mainspring.packed_linear(rows, self.number, self.width)
            return made
        count = rows.numel() // rows.size(-1)
        if 1 < count <= _FEW or count % ROUND == 0:
            return self._multiplied(rows)
        missing = 1 if count == 1 else -count % ROUND  # of one row oneDNN makes other sums
        padded = pad(rows.reshape(count, -1), (0, 0, 0, missing))
        return self._multiplied(padded)[:count].view(*rows.shape[:-1], self.width)

    def _multiplied(self, rows: Tensor) -> Tensor:
        made: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.packed, self.bias, "none", [], "")  # noqa: SLF001
        return made

    def shared(self, rows: Tensor) -> Tensor:
        """The same, made once for as many calls in a row with the same tensor as there are sharers."""
        if _LAST.product is not self or _LAST.rows is not rows:
            _LAST.product, _LAST.rows, _LAST.left = self, rows, self._sharers
            _LAST.made = self(rows)
        made: Tensor = _LAST.made
        _LAST.left -= 1
        if _LAST.left == 0:
            _LAST.clear()
        return made


def tileable(weight: Tensor) -> bool:
    """Whether rows of it are multiplied in tiles."""
    whole = weight.dtype == torch.bfloat16 and weight.size(-1) % _TILED == 0
    return whole and able(weight.dtype) and bool(torch.ops.mainspring.has_tiles())


def _in_tiles(weight: Tensor) -> Tensor:
    made: Tensor = torch.ops.mainspring.tiled(weight)
    return made


def _reordered(weight: Tensor) -> Tensor:
    made: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)  # noqa: SLF001
    return made


class _Last(local):
    """The product that this thread has made for several, until the last of them has it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.product: Product | None = None
        self.rows: Tensor | None = None
        self.made: Any = None
        self.left = 0


_LAST = _Last()
_NUMBERS = count()
_PRODUCTS: WeakValueDictionary[int, Product] = WeakValueDictionary()


class LayerOf(nn.Module):
    """The columns `begin` to `end` of the product of that number, maybe another process's: all that a compiler sees."""

    def __init__(self, number: int, width: int, begin: int, end: int) -> None:
        super().__init__()
        self.number, self.width, self.begin, self.end = number, width, begin, end

    def forward(self, rows: Tensor) -> Tensor:
        """[..., features] to [..., end - begin]."""
        made: Tensor = torch.ops.mainspring.packed_linear(rows, self.number, self.width)
        return made if self.end - self.begin == self.width else made[..., self.begin : self.end]


class PackedLinear(LayerOf):
    """The same where the product is at hand, without the way through an operator."""

    def __init__(self, product: Product, begin: int = 0, end: int | None = None) -> None:
        super().__init__(product.number, product.width, begin, product.width if end is None else end)
        self.product = product

    def forward(self, rows: Tensor) -> Tensor:
        if self.end - self.begin == self.width:
            return self.product(rows)
        return self.product.shared(rows)[..., self.begin : self.end]


def pack(model: PreTrainedModel, *, invariant: bool = True) -> None:
    """Pack all linear layers in place, where this build of torch can and the data type is one that it packs."""
    able = torch.backends.mkldnn.is_available() and model.device.type == "cpu"  # type: ignore[no-untyped-call]
    if able and model.dtype in (torch.float32, torch.bfloat16):
        _pack(model, invariant=invariant)


def pack_if_same(model: PreTrainedModel, inputs: dict[str, Tensor]) -> bool:
    """Pack it for many rows, and take that back if it then fails or answers something else.

    `inputs` are what it is tried with.
    """
    layers = {name: one for name, one in model.named_modules() if isinstance(one, nn.Linear | Conv1D)}

    def unpack() -> None:
        for name, layer in layers.items():
            model.set_submodule(name, layer)

    return change_if_same(model, inputs, lambda: pack(model, invariant=False), unpack)


def invariant(model: PreTrainedModel) -> bool:
    """Whether each row of a pass comes out the same, bit by bit, whatever other rows stand beside it."""
    layers = [one for one in model.modules() if isinstance(one, PackedLinear)]
    return bool(layers) and all(one.product.tiled for one in layers)


def _pack(module: nn.Module, *, invariant: bool) -> None:
    for names in _TOGETHER:
        layers = [getattr(module, name, None) for name in names]
        linear = [one for one in layers if type(one) is nn.Linear]
        if len(linear) == len(names) and _fit(linear):
            _pack_together(module, names, linear, invariant=invariant)
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, PackedLinear(Product(child.weight, child.bias, invariant=invariant)))
        elif isinstance(child, Conv1D):
            weight = child.weight.t().contiguous()
            setattr(module, name, PackedLinear(Product(weight, child.bias, invariant=invariant)))
        else:
            _pack(child, invariant=invariant)


def _fit(layers: list[nn.Linear]) -> bool:
    """All take as many features, and all have a bias or none has."""
    return len({(one.in_features, one.bias is None) for one in layers}) == 1


def _pack_together(
    module: nn.Module, names: tuple[str, ...], layers: list[nn.Linear], *, invariant: bool
) -> None:
    bias = None if layers[0].bias is None else torch.cat([one.bias for one in layers])
    product = Product(torch.cat([one.weight for one in layers]), bias, len(layers), invariant=invariant)
    begin = 0
    for name, layer in zip(names, layers, strict=True):
        end = begin + layer.out_features
        setattr(module, name, PackedLinear(product, begin, end))
        begin = end


def _packed_linear(rows: Tensor, product: int, _width: int) -> Tensor:
    return _PRODUCTS[product](rows)


define("packed_linear(Tensor rows, int product, int width) -> Tensor", _packed_linear)


@torch.library.register_fake("mainspring::packed_linear")  # type: ignore[untyped-decorator]
def _shape(rows: Tensor, _product: int, width: int) -> Tensor:
    return rows.new_empty(*rows.shape[:-1], width)
