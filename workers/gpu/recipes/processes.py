"""One training loop in several processes: who this one is, and how they agree. Alone, nothing of it costs anything.

`accelerate launch` or torchrun starts them; their number and addresses are in the environment, which accelerate reads.
"""

import torch
from accelerate import PartialState
from torch import distributed

from workers.gpu.device import device


class Bystander(Exception):
    """This process has done its share of the loop; the first one goes on alone."""


def together() -> PartialState:
    """Which of how many processes this is; connects them at the first call."""
    return PartialState(cpu=device().type == "cpu")


def first() -> bool:
    return bool(together().is_main_process)


def agreed(value: int) -> int:
    """What the first process says, in all of them."""
    if not distributed.is_initialized():
        return value
    place = together().device
    said = torch.tensor([value], device=place)
    distributed.broadcast(said, src=0)
    return int(said.item())


def meet() -> None:
    """Wait until all of them are here."""
    together().wait_for_everyone()
