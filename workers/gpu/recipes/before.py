"""What the base makes of what was held out, before it has learned anything: looked at once a run."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from transformers import Trainer

STATE = "before.json"


def loss_before(
    trainer: Trainer, folder: Path, evaluate: Callable[[Trainer], dict[str, float]]
) -> dict[str, float]:
    """{loss_before}; nothing in several processes, where a trainer that was asked before its loop learns otherwise.

    What chance there is in the loop is as if nobody had asked.

    `folder`: the run's, where the number is kept for a loop that goes on with another model in memory.
    """
    place = folder / STATE
    if trainer.args.world_size > 1:
        return {}
    if place.is_file():
        return {"loss_before": float(json.loads(place.read_text(encoding="utf-8")))}
    dice = random.getstate(), np.random.get_state()  # noqa: NPY002  what a checkpoint keeps of them
    with torch.random.fork_rng():
        loss = evaluate(trainer)["loss"]
    random.setstate(dice[0])
    np.random.set_state(dice[1])  # noqa: NPY002
    trainer.accelerator.free_memory()
    folder.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(loss), encoding="utf-8")
    return {"loss_before": loss}
