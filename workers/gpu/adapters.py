"""Adapters: a version that is another one's weights and two small matrices beside some layers (Hu et al., LoRA, 2021).

In one process all adapters of a base, and the base, have its weights in memory once: what is different of a model is
its modules, which hold no numbers of their own.
"""

import copy
import math
import re
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from mainspring.errors import ModelRefused
from mainspring.registry.adapters import WEIGHTS, base_of, require_lora
from workers.gpu.packed import PackedLinear, pack

_KEY = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")
_BASES: WeakValueDictionary[Path, PreTrainedModel] = WeakValueDictionary()
_ATTENTION: WeakKeyDictionary[PreTrainedModel, str] = WeakKeyDictionary()  # as it was before the slots


class Adapted(nn.Module):
    """What `base` makes, and a little beside it: `up` of `down`, the scale in `up`. Empty, it is for a compiler to fill."""

    def __init__(
        self, base: nn.Module | None = None, down: nn.Module | None = None, up: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.base, self.down, self.up = (nn.Identity() if one is None else one for one in (base, down, up))

    def forward(self, rows: Tensor) -> Tensor:
        """[..., features] to [..., width]."""
        made: Tensor = self.base(rows) + self.up(self.down(rows))
        return made


def keep(path: Path, model: PreTrainedModel) -> None:
    """Its weights, just loaded, are those of the base in that folder, for as long as somebody has them."""
    if _BASES.setdefault(path.resolve(), model) is model:
        _ATTENTION[model] = model.config._attn_implementation  # noqa: SLF001  transformers has no other name for it


def held(path: Path) -> PreTrainedModel | None:
    """A model of its own modules, and of weights that are in memory already; None: they are not."""
    base = _BASES.get(base_of(path).resolve())
    return None if base is None else _sharing(base)


def adapt(model: PreTrainedModel, path: Path) -> None:
    """Put the adapter beside the layers of its base, of which the numbers stay as they are. Raises ModelRefused."""
    for name, (down, up) in _read(path).items():
        layer = _layer(model, name, down, up)
        parts = [_linear(matrix.to(model.dtype), model) for matrix in (down, up)]
        model.set_submodule(name, Adapted(layer, *parts))


def merge(model: PreTrainedModel, path: Path) -> None:
    """Add the adapter to the weights, where nobody else has them. Raises ModelRefused."""
    for name, (down, up) in _read(path).items():
        layer: Any = _layer(model, name, down, up)
        change = (up @ down).to(model.device, torch.float32)
        change = change.t() if isinstance(layer, Conv1D) else change
        layer.weight.data = (layer.weight.data.float() + change).to(layer.weight.dtype)


def _read(path: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """Layer → its two matrices, [rank, features] and [width, rank], in float32, the second one scaled."""
    config = require_lora(path)
    try:
        found = load_file(path / WEIGHTS)
    except SafetensorError as error:
        raise ModelRefused(f"{WEIGHTS} is not a safetensors file", field="model") from error
    matrices: dict[str, dict[str, Tensor]] = {}
    for key, tensor in found.items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise _unfit(f"it changes `{key}`, which is no linear layer")
        matrices.setdefault(match[1], {})[match[2]] = tensor.float()
    made = {}
    for name, each in matrices.items():
        if each.keys() != {"A", "B"} or each["A"].size(0) != each["B"].size(1):
            raise _unfit(f"the matrices of `{name}` do not belong together")
        made[name] = (each["A"], each["B"] * _scale(config, name, each["A"].size(0)))
    return made


def _scale(config: dict[str, Any], name: str, rank: int) -> float:
    alpha = float(config.get("lora_alpha") or 8)
    for pattern, value in (config.get("alpha_pattern") or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", name):
            alpha = float(value)
            break
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _layer(model: PreTrainedModel, name: str, down: Tensor, up: Tensor) -> nn.Module:
    try:
        layer: Any = model.get_submodule(name)
    except AttributeError:
        raise _unfit(f"its base has no layer `{name}`") from None
    if isinstance(layer, PackedLinear):
        shape: tuple[int, ...] = (layer.end - layer.begin, layer.product.features)
    elif isinstance(layer, nn.Linear):
        shape = tuple(layer.weight.shape)
    elif isinstance(layer, Conv1D):
        shape = tuple(layer.weight.t().shape)
    else:
        raise _unfit(f"`{name}` is no linear layer")
    if shape != (up.size(0), down.size(1)):
        raise _unfit(f"`{name}` of its base is {shape}, and the adapter {(up.size(0), down.size(1))}")
    found: nn.Module = layer
    return found


def _linear(weight: Tensor, model: PreTrainedModel) -> nn.Linear:
    layer = nn.Linear(weight.size(1), weight.size(0), bias=False, device="meta")
    layer.weight = nn.Parameter(weight.to(model.device).contiguous(), requires_grad=False)
    return layer


def _sharing(base: PreTrainedModel) -> PreTrainedModel:
    """A copy of the modules; tensors, and what was packed of them, are the same objects."""
    pack(base)
    kept: dict[int, Any] = {id(tensor): tensor for tensor in (*base.parameters(), *base.buffers())}
    for module in base.modules():
        if isinstance(module, PackedLinear):
            kept[id(module.product)] = module.product
    made: PreTrainedModel = copy.deepcopy(base, kept)
    made.config._attn_implementation = _ATTENTION[base]  # noqa: SLF001
    vars(made)["shares_with"] = base  # not as a module of it; as long as it lives others find the weights
    return made


def _unfit(what: str) -> ModelRefused:
    return ModelRefused(
        f"the adapter does not fit: {what}",
        field="model",
        remedy="Name the version that it was trained on, or merge it: model.merge_and_unload().save_pretrained(folder).",
    )
