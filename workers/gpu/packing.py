"""Packed linear layers for any model, where they do not change what it answers."""

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from mainspring.logs import log
from workers.gpu.slotted.packed import pack

_TOLERANCE = 1e-2  # relative to the largest number: a wrong layer is further away, a rounding much nearer


@torch.inference_mode()
def pack_if_same(model: PreTrainedModel, inputs: dict[str, Tensor]) -> None:
    """Pack the linear layers in place, and unpack them if the model does not run so, or gives other numbers."""
    layers = {name: one for name, one in model.named_modules() if isinstance(one, nn.Linear | Conv1D)}
    before = model(**inputs)[0]
    pack(model)
    try:
        after = model(**inputs)[0]
        same = bool((after - before).abs().max() <= _TOLERANCE * before.abs().max())
    except (AttributeError, RuntimeError, TypeError) as error:  # it looks into its layers
        log.info("packing.refused", cause=type(error).__name__)
        same = False
    if not same:
        for name, layer in layers.items():
            model.set_submodule(name, layer)
