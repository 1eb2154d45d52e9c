"""How a recipe that has a base ends: the model, or what it has learned beside the base, in the folder of the output."""

from typing import Any

from mainspring.tables import Task
from mainspring.training.recipes import Lora
from workers.gpu.recipes import lora as loras
from workers.gpu.recipes.base import Base, save
from workers.gpu.recipes.card import write_card
from workers.gpu.recipes.workshop import Made, Workshop


def finish(
    model: Any, base: Base, lora: Lora | None, task: Task, workshop: Workshop, *, recipe: str,
    measures: dict[str, float], learnt: dict[str, Any], source: dict[str, Any] | None = None,
) -> Made:  # fmt: skip
    """`learnt`: the dataset as its record names it; `source`: what else is to be said of whence it came."""
    told: dict[str, Any] = {"base": str(base.folder)} | (source or {})
    if lora is not None:
        told["lora"] = lora.model_dump(exclude_none=True)
    if lora is not None and not lora.merge:
        loras.keep_apart(model, base, workshop.folder / f"adapter-{workshop.attempt}", workshop.output)
        told["base_digest"] = base.digest
    else:
        save(loras.taken_off(model), base, workshop.output, task)
    write_card(workshop.output, recipe, str(base.whole), measures)
    return Made(workshop.output, told, measures, learnt, base.digest)
