"""Several candidates of one recipe under one budget of steps: in what they may differ, and what each of them is asked."""

from typing import Any

from mainspring.errors import InvalidRequest
from mainspring.training.halving import rungs
from mainspring.training.recipes.fields import Learning

DIFFER = ("base", "learning_rate", "lora", "batch_size", "accumulation_steps", "warmup_steps", "decay")
"""And what a recipe has of its own; what is learned and how it is measured is the same for all, so that they compare."""
OF_RECIPES = ("frozen_layers", "beta")


def require_comparable(parameters: Learning) -> None:
    """Raises InvalidRequest for too few steps, for what all have to have in common, and for an adapter kept apart."""
    given = parameters.candidates or {}
    rungs(len(given), parameters.steps)
    if getattr(parameters, "dataset", None) is None:
        raise InvalidRequest(
            "candidates are compared by rows of a dataset",
            field="parameters.dataset",
            remedy="Give one: a part of its rows is kept aside to choose by.",
        )
    able = [name for name in (*DIFFER, *OF_RECIPES) if name in type(parameters).model_fields]
    for name, instead in given.items():
        if alien := sorted(set(instead) - set(able)):
            raise InvalidRequest(
                f"candidates do not differ in `{alien[0]}`",
                field=f"parameters.candidates.{name}.{alien[0]}",
                remedy=f"They may in {', '.join(able)}; the rest is for all of them.",
            )


def candidate(given: dict[str, Any], name: str, steps: int | None = None) -> dict[str, Any]:
    """What is asked of this one. `steps`: what its schedule is made for; None: as many as all have together."""
    common = {key: value for key, value in given.items() if key != "candidates"}
    instead: dict[str, Any] = given["candidates"][name]
    return common | instead | ({} if steps is None else {"steps": steps})
