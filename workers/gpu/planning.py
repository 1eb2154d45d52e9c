"""Which decode loop runs a causal version here, in how many slots and on how many threads: measured once, then known."""

from functools import partial

import torch
from transformers import PreTrainedModel

from mainspring.logs import log
from mainspring.serving.engine import Plan
from mainspring.tables import EngineName
from workers.gpu import continuous, device, trial
from workers.gpu.progress import LoopMaker
from workers.gpu.slotted.compiled import WORTH_COMPILING
from workers.gpu.slotted.known import unknown
from workers.gpu.slotted.loop import SlotLoop

USUAL_SLOTS = 32


def plan_for(model: PreTrainedModel, asked: str, known: Plan | None = None) -> Plan:
    """`asked`: an engine by name, or `auto`. What is `known` is taken where it still can be.

    Where the slots cannot run the model, the plan says why, and so does the log: loudly, if they were asked for.
    """
    dtype = str(model.dtype).removeprefix("torch.")
    reason = None if asked == EngineName.CONTINUOUS else _no_slots(model)
    if reason is not None:
        say = log.warning if asked == EngineName.SLOTS else log.info
        say("plan.no_slots", asked=asked, engine=EngineName.CONTINUOUS.value, reason=reason)
    if asked == EngineName.CONTINUOUS or reason is not None:
        return Plan(EngineName.CONTINUOUS, USUAL_SLOTS, device.use_threads(), dtype, reason=reason)
    if known is not None and known.dtype == dtype:
        return known
    return trial.choose(model, alone=asked == EngineName.SLOTS)


def _no_slots(model: PreTrainedModel) -> str | None:
    """Why the slots cannot run it here; None if they can."""
    if device.device().type != "cpu":
        return "the slots run on CPUs only"
    return unknown(model)


def loop_for(plan: Plan, *, compiling: bool = False) -> LoopMaker:
    if plan.engine == EngineName.SLOTS:
        after = WORTH_COMPILING if compiling else None
        return partial(SlotLoop, threads=plan.threads, compile_after=after)
    return continuous.Loop


def machine() -> str:
    """What a plan depends on beside the version: the processor or GPU, the threads it may use, torch."""
    found = device.device()
    name = torch.cuda.get_device_name(found) if found.type == "cuda" else device.processor()
    return f"{name}, {device.use_threads()} threads, torch {torch.__version__}"
