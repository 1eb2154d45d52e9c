"""Preference tuning: by pairs of answers of which one is better (DPO), or by answers that are good or bad (KTO)."""

import random
from dataclasses import replace
from typing import Any

from transformers import AutoModelForCausalLM, set_seed

from mainspring.curation.rows import Kind, Row
from mainspring.tables import Task
from mainspring.training.errors import TrainingFailed
from mainspring.training.loop import Loop
from mainspring.training.recipes import PREFERENCE_TUNING, PreferenceTuning
from workers.gpu.recipes.answers import Speaker
from workers.gpu.recipes.base import begin
from workers.gpu.recipes.dataset import FIELD, named, replayed, taken
from workers.gpu.recipes.ending import finish
from workers.gpu.recipes.fit import arguments, carry_out
from workers.gpu.recipes.lora import put_on, require_stored
from workers.gpu.recipes.memory import require
from workers.gpu.recipes.replay import drawn
from workers.gpu.recipes.workshop import Made, Workshop

FULL, BY_LORA = 1e-6, 1e-5  # learning rates
Items = list[dict[str, Any]]


def make(parameters: PreferenceTuning, task: Task, workshop: Workshop) -> Made:
    """Raises ModelRefused for a bad base, TrainingFailed for a bad dataset, RunInterrupted, RunLost."""
    from workers.gpu.recipes.preferences import trainer_of

    set_seed(parameters.seed)
    base = begin(parameters.base, task)
    require_stored(base, parameters.lora)
    workshop.step(0.01, "reading the dataset")
    suits = _is_pair if parameters.method == "dpo" else _is_rated
    rows, aside = taken(workshop.datasets / parameters.dataset, Kind.PREFERENCE, suits=suits)
    old = replayed(parameters.replay, workshop.datasets, Kind.PREFERENCE, suits=suits)
    rows = [*rows, *drawn(old, len(rows), parameters.replay, parameters.seed)]
    workshop.step(0.05, "loading the base")
    model = base.model(AutoModelForCausalLM, frozen=parameters.lora is not None)
    random.Random(parameters.seed).shuffle(rows)  # noqa: S311  an order, not a secret
    trained = put_on(model, parameters.lora, task)
    speaker = Speaker(base.tokenizer)
    rate = parameters.learning_rate or (BY_LORA if parameters.lora else FULL)
    training = _examples(rows, speaker, parameters)
    require(trained, _twice(parameters), [{"input_ids": _longest(one)} for one in training])
    trainer = trainer_of(
        trained, parameters, base.tokenizer, arguments(parameters, rate, workshop),
        training=training, held_out=_examples(aside, speaker, parameters),
    )  # fmt: skip
    found = carry_out(trainer, parameters, workshop)
    measures = _measures(found) | {"training_examples": len(rows), "held_out_examples": len(aside)}
    learnt = named(parameters.dataset, len(rows) + len(aside), parameters.replay)
    return finish(
        trained, base, parameters.lora, task, workshop,
        recipe=PREFERENCE_TUNING, measures=measures, learnt=learnt,
    )  # fmt: skip


def _twice(parameters: PreferenceTuning) -> Loop:
    """For the memory: two sequences an example are read at once."""
    loop = Loop.of(parameters)
    return replace(loop, batch_size=2 * loop.batch_size)


def _longest(example: dict[str, Any]) -> list[int]:
    answers = [ids for name, ids in example.items() if name.endswith("_ids") and name != "prompt_ids"]
    return [*example["prompt_ids"], *max(answers, key=len)]


def _is_pair(row: Row) -> bool:
    return bool(row.chosen and row.rejected)


def _is_rated(row: Row) -> bool:
    return bool(row.chosen or row.rejected)


def _examples(rows: list[Row], speaker: Speaker, parameters: PreferenceTuning) -> Items:
    if parameters.method == "dpo":
        return [_pair(row, speaker, parameters.block_length) for row in rows]
    rated = [one for row in rows for one in _rated(row, speaker, parameters.block_length)]
    if len(rated) < 2:
        raise TrainingFailed(
            "there is one rated answer, and answers are compared with each other's",
            field=FIELD,
            remedy="Give a dataset with more of them in both splits.",
        )
    return _beside_each_other(rated, parameters.batch_size // parameters.accumulation_steps)


def _pair(row: Row, speaker: Speaker, length: int) -> dict[str, Any]:
    """The prompt as long as it may be with the longer answer, so that both follow the same one."""
    both = speaker.asked(row.messages, str(row.chosen), str(row.rejected))
    longer = max(both, key=lambda one: len(one.answer)).within(length)
    chosen, rejected = (one.answer[: length - len(longer.prompt)] for one in both)
    return {"prompt_ids": longer.prompt, "chosen_ids": chosen, "rejected_ids": rejected}


def _rated(row: Row, speaker: Speaker, length: int) -> Items:
    given = {True: row.chosen, False: row.rejected}
    asked = {
        good: speaker.asked(row.messages, answer)[0].within(length)
        for good, answer in given.items()
        if answer
    }
    return [
        {"prompt_ids": one.prompt, "completion_ids": one.answer, "label": good} for good, one in asked.items()
    ]


def _beside_each_other(rated: Items, batch: int) -> Items:
    """Each with the answer of its neighbour in the batch, by which KTO estimates how far the model has moved.

    A last one that is alone in its batch has nobody to be compared with, and is left out.
    """
    batches = [rated[at : at + batch] for at in range(0, len(rated), batch)]
    return [
        one | {"KL_completion_ids": some[at - 1]["completion_ids"]}
        for some in batches
        if len(some) > 1
        for at, one in enumerate(some)
    ]


def _measures(found: dict[str, float]) -> dict[str, float]:
    """`accuracy`: the share of pairs of which the better answer has gained more; `margin`: by how much, in nats times beta."""
    names = {"rewards/accuracies": "accuracy", "rewards/margins": "margin"}
    kept = {name: found[name] for name in ("loss", "loss_before", "training_seconds") if name in found}
    return kept | {new: found[name] for name, new in names.items() if name in found}
