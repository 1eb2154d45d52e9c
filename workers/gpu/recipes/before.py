"""What the base makes of what was held out, before it has learned anything: looked at once a run."""

import json
from collections.abc import Callable
from pathlib import Path

from transformers import Trainer

from workers.gpu.recipes import processes

STATE = "before.json"


def loss_before(
    trainer: Trainer, folder: Path, evaluate: Callable[[Trainer], dict[str, float]]
) -> dict[str, float]:
    """{loss_before}; nothing where the model will be cut up among processes, since it cannot be asked before that.

    `folder`: the run's, where the number is kept for a loop that goes on with another model in memory.
    """
    place = folder / STATE
    if trainer.is_fsdp_enabled:
        return {}
    if place.is_file():
        return {"loss_before": float(json.loads(place.read_text(encoding="utf-8")))}
    loss = evaluate(trainer)["loss"]
    if processes.first():
        folder.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(loss), encoding="utf-8")
    return {"loss_before": loss}
