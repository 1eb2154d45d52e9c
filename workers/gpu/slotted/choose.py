"""Which decode loop serves a model."""

from transformers import PreTrainedModel

from workers.gpu import continuous
from workers.gpu.progress import LoopMaker
from workers.gpu.slotted.known import unknown
from workers.gpu.slotted.loop import SlotLoop

Choice = tuple[LoopMaker, str]  # with the engine's name


def stock(_model: PreTrainedModel) -> Choice:
    return continuous.Loop, "continuous"


def prefer_slots(model: PreTrainedModel) -> Choice:
    """Slots on a CPU when they know the architecture, else the stock continuous batch."""
    if model.device.type == "cpu" and unknown(model) is None:
        return SlotLoop, "slots"
    return stock(model)


def choose_loop(model: PreTrainedModel) -> Choice:
    """The stock batch, until a measurement at load says for each version which is faster."""
    return stock(model)
