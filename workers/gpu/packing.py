"""Packed linear layers for any model that runs with them."""

from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from workers.gpu.slotted.packed import pack
from workers.gpu.trusted import change_if_same


def pack_if_same(model: PreTrainedModel, inputs: dict[str, Tensor]) -> bool:
    """In place. `inputs` are what it is tried with."""
    layers = {name: one for name, one in model.named_modules() if isinstance(one, nn.Linear | Conv1D)}

    def unpack() -> None:
        for name, layer in layers.items():
            model.set_submodule(name, layer)

    return change_if_same(model, inputs, lambda: pack(model), unpack)
