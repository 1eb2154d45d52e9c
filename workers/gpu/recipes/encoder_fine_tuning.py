"""An encoder learns its deployment's task from examples."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from transformers import TrainingArguments, set_seed

from mainspring.tables import Task
from mainspring.training.loop import Loop
from mainspring.training.recipes import ENCODER_FINE_TUNING, EncoderFineTuning
from workers.gpu.recipes.base import begin
from workers.gpu.recipes.encoders import classes, entities, extracts, likeness, masking
from workers.gpu.recipes.encoders.lesson import Lesson, Taught, freeze
from workers.gpu.recipes.ending import finish
from workers.gpu.recipes.fit import arguments, carry_out, fit
from workers.gpu.recipes.lora import put_on
from workers.gpu.recipes.memory import require
from workers.gpu.recipes.workshop import Made, Workshop

LESSONS: dict[Task, Callable[[Taught], Lesson]] = {
    Task.TEXT_CLASSIFICATION: classes.lesson,
    Task.TOKEN_CLASSIFICATION: entities.lesson,
    Task.QUESTION_ANSWERING: extracts.lesson,
    Task.FEATURE_EXTRACTION: likeness.lesson,
    Task.FILL_MASK: masking.lesson,
}


def make(parameters: EncoderFineTuning, task: Task, workshop: Workshop) -> Made:
    """Raises ModelRefused for a bad base, TrainingFailed for bad examples, RunInterrupted, RunLost."""
    set_seed(parameters.seed)
    base = begin(parameters.base, task if task is Task.FILL_MASK else Task.FEATURE_EXTRACTION)
    workshop.step(0.01, "collecting examples")
    lesson = LESSONS[task](Taught(parameters, base, workshop))
    workshop.step(0.08, "beginning")
    if parameters.lora is None:
        freeze(lesson.model, parameters.frozen_layers)
    model = put_on(lesson.model, parameters.lora, task)
    measures = _learned(lesson, model, parameters, workshop)
    sizes = zip(("training_examples", "held_out_examples"), (lesson.training, lesson.held_out), strict=True)
    measures |= {name: len(items) for name, items in sizes}  # type: ignore[arg-type]
    return finish(
        model, base, parameters.lora, task, workshop, recipe=ENCODER_FINE_TUNING, measures=measures,
        learnt=lesson.learnt, source=lesson.source,
    )  # fmt: skip


def _learned(
    lesson: Lesson, model: Any, parameters: EncoderFineTuning, workshop: Workshop
) -> dict[str, float]:
    rate = parameters.learning_rate
    if lesson.trainer is None:
        return fit(
            model,
            parameters,
            rate,
            workshop,
            training=lesson.training,
            held_out=lesson.held_out,
            collate=lesson.collate,
            measure=lesson.measure,
        )
    loop, training = Loop.of(parameters), lesson.training
    read = [lesson.reads(training[at]) for at in range(len(training))]  # type: ignore[arg-type]
    require(
        model,
        replace(loop, batch_size=loop.batch_size * len(read[0])),
        [{"input_ids": max(one, key=len)} for one in read],
    )
    trainer = lesson.trainer(
        model=model,
        args=TrainingArguments(**arguments(parameters, rate, workshop) | lesson.arguments),
        train_dataset=lesson.training,
        eval_dataset=lesson.held_out,
        data_collator=lesson.collate,
    )
    return carry_out(trainer, parameters, workshop)
