"""A quicker way to run a model is taken only where it gives the same numbers."""

from collections.abc import Callable

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mainspring.logs import log

_TOLERANCES = {
    torch.float32: 1e-4
}  # relative to the largest number: rounding is much nearer, a wrong way further off
_COARSE = 2e-2


@torch.inference_mode()
def change_if_same(
    model: PreTrainedModel, inputs: dict[str, Tensor], change: Callable[[], None], undo: Callable[[], None]
) -> bool:
    """Change the model, run it on `inputs` before and after, and `undo` it if it fails or answers something else.

    What it makes of padding is not looked at.
    """
    try:
        before = _numbers(model, inputs)
        change()
        same = near(_numbers(model, inputs), before)
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        log.info("model.unchanged", cause=type(error).__name__)
        same = False
    if not same:
        undo()
    return same


def near(made: Tensor, before: Tensor) -> bool:
    """Nowhere further off than rounding explains; never if a number isn't finite."""
    off = (made - before).abs().max()
    return bool(off <= _TOLERANCES.get(before.dtype, _COARSE) * before.abs().max())


def _numbers(model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
    made: Tensor = model(**inputs)[0]
    real = inputs["attention_mask"].bool()
    return made[real] if made.shape[:2] == real.shape else made
