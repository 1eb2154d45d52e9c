"""Two small matrices beside a model's layers instead of its weights: put on before the loop, taken off after it."""

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from mainspring.registry import adapters
from mainspring.tables import Task
from mainspring.training.errors import TrainingFailed
from mainspring.training.recipes import Lora
from workers.gpu.recipes.base import Base

# Whose head may be new: it is trained whole.
_WITH_HEADS = (Task.TEXT_CLASSIFICATION, Task.TOKEN_CLASSIFICATION, Task.QUESTION_ANSWERING)


def put_on(model: PreTrainedModel, lora: Lora | None, task: Task) -> Any:
    """The same model without `lora`. Draws from torch's generator. Raises TrainingFailed for layers that it lacks."""
    if lora is None:
        return model
    from peft import LoraConfig, get_peft_model  # which takes its time

    heads = _heads(model) if task in _WITH_HEADS else []
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha or 2 * lora.rank,
        target_modules=lora.targets or "all-linear",
        exclude_modules=rf"({'|'.join(heads)})(\..*)?" if heads else None,
        modules_to_save=heads or None,
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise TrainingFailed(
            "the base has no layers of these names",
            field="parameters.lora.targets",
            remedy="Leave `targets` out to take all linear layers.",
        ) from error


def _heads(model: PreTrainedModel) -> list[str]:
    """What stands beside the body and has weights."""
    parts = model.named_children()
    return [
        name
        for name, part in parts
        if name != model.base_model_prefix and any(True for _ in part.parameters())
    ]


def taken_off(model: Any) -> PreTrainedModel:
    """Whole again, what was learned added to the weights."""
    whole: PreTrainedModel = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    return whole


def require_stored(base: Base, lora: Lora | None) -> None:
    """An adapter is served beside its base, so that has to be a whole version of the store. Raises TrainingFailed."""
    if lora is None or lora.merge:
        return
    if adapters.is_adapter(base.folder) or base.folder.name != base.digest:
        raise TrainingFailed(
            "an adapter stands beside its base, and this one is not a whole version of the store",
            field="parameters.base",
            remedy="Give the folder of a version that is whole; or leave `merge` out.",
        )


def keep_apart(model: Any, base: Base, place: Path, output: Path) -> None:
    """Only what was learned, and the digest of what it changes; the same bytes for the same matrices."""
    model.save_pretrained(place)
    config = json.loads((place / adapters.CONFIG).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base.digest
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()
    (place / "README.md").unlink(missing_ok=True)  # peft's own card, to be filled in by hand
    (place / adapters.CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")
    adapters.with_base(place, base.digest, output)
