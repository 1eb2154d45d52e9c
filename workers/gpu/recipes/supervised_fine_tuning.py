"""Supervised fine-tuning: what is asked is read, and the answers alone are learned."""

from typing import Any

from torch.utils.data import Dataset
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, set_seed

from mainspring.curation.rows import Kind, Row
from mainspring.tables import Task
from mainspring.training.recipes import SUPERVISED_FINE_TUNING, SupervisedFineTuning
from workers.gpu.recipes.answers import Answers, Padded, is_answered
from workers.gpu.recipes.base import begin
from workers.gpu.recipes.dataset import named, replayed, taken
from workers.gpu.recipes.ending import finish
from workers.gpu.recipes.fit import fit
from workers.gpu.recipes.lora import put_on, require_stored
from workers.gpu.recipes.replay import beside
from workers.gpu.recipes.sequences import Turned
from workers.gpu.recipes.workshop import Made, Workshop

FULL, BY_LORA = 2e-5, 2e-4  # learning rates


def make(parameters: SupervisedFineTuning, task: Task, workshop: Workshop) -> Made:
    """Raises ModelRefused for a bad base, TrainingFailed for a bad dataset, RunInterrupted, RunLost."""
    set_seed(parameters.seed)
    base = begin(parameters.base, task)
    require_stored(base, parameters.lora)
    workshop.step(0.01, "reading the dataset")
    kinds = (Kind.CHAT, Kind.TEXT) if task is Task.TEXT_GENERATION else (Kind.TEXT,)
    rows, aside = taken(workshop.datasets / parameters.dataset, *kinds, suits=is_answered)
    old = replayed(parameters.replay, workshop.datasets, *kinds, suits=is_answered)
    workshop.step(0.05, "loading the base")
    kind = AutoModelForCausalLM if task is Task.TEXT_GENERATION else AutoModelForSeq2SeqLM
    model = base.model(kind, frozen=parameters.lora is not None)

    def examples(some: list[Row]) -> Dataset[Any]:
        if task is Task.TEXT_GENERATION:
            return Answers(some, base.tokenizer, parameters.block_length)
        return Turned(some, base.tokenizer, model, task, parameters)

    training = beside(examples(rows), examples(old) if old else None, parameters.replay, parameters.seed)
    held_out = examples(aside)
    trained = put_on(model, parameters.lora, task)
    measures = fit(
        trained,
        parameters,
        parameters.learning_rate or (BY_LORA if parameters.lora else FULL),
        workshop,
        training=training,
        held_out=held_out,
        collate=Padded(base.tokenizer.pad_token_id),
    )
    measures |= {"training_examples": len(rows), "held_out_examples": len(aside)}
    learnt = named(parameters.dataset, len(rows) + len(aside), parameters.replay)
    return finish(
        trained, base, parameters.lora, task, workshop,
        recipe=SUPERVISED_FINE_TUNING, measures=measures, learnt=learnt,
    )  # fmt: skip
