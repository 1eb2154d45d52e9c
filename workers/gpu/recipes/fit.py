"""The training loop of every recipe: transformers' Trainer with checkpoints, progress and an early way out."""

import time
from typing import Any, Protocol

import torch
from torch.utils.data import Dataset
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerState, TrainingArguments
from transformers.utils import logging

from mainspring.training.errors import RunInterrupted, TrainingFailed
from mainspring.training.loop import Decay, Loop
from mainspring.training.patience import best, exhausted
from workers.gpu.device import device
from workers.gpu.recipes import checkpoints, memory, processes, whole
from workers.gpu.recipes.before import loss_before
from workers.gpu.recipes.course import Course, Sample
from workers.gpu.recipes.following import END, Following, losses, writing
from workers.gpu.recipes.workshop import Workshop

STATE = "trainer_state.json"
_OF_THE_CLOCK = ("_runtime", "_per_second", "_preparation_time")


class Schedule(Protocol):
    """What a recipe's parameters say of the loop, at least; mainspring.training.loop.Loop has the rest."""

    steps: int
    batch_size: int
    seed: int
    checkpoint_steps: int


def fit(
    model: PreTrainedModel,
    schedule: Schedule,
    learning_rate: float,
    workshop: Workshop,
    *,
    training: Dataset[Any],
    held_out: Dataset[Any],
    collate: Any = None,
    measure: Any = None,
    until: int | None = None,
) -> dict[str, float]:
    """Trains in place and evaluates on what was held out: {loss, loss_before, …, seconds}; resumes from the last checkpoint.

    `until`, or the workshop's: it goes so far this time, and on from there in another call. Raises RunInterrupted (a
    checkpoint is written), RunLost, RunCancelled, TrainingFailed when there is too little memory or the loss is not finite;
    in all processes but the first of several, Bystander in the end.
    """
    given = arguments(schedule, learning_rate, workshop)
    memory.require(model, Loop.of(schedule), training)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(**given),
        train_dataset=training,
        eval_dataset=held_out,
        data_collator=collate,
        compute_metrics=measure,
    )
    return carry_out(trainer, schedule, workshop, until=until)


def carry_out(
    trainer: Trainer, schedule: Schedule, workshop: Workshop, *, until: int | None = None
) -> dict[str, float]:
    """What fit() does, with a trainer that was made from arguments(), such as one of trl's."""
    began = time.monotonic()
    loop = Loop.of(schedule)
    until = min(until or workshop.until or loop.steps, loop.steps)
    following = Following(workshop, loop, until)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    trainer.remove_callback(PrinterCallback)  # the row has the progress; standard output is a log here
    trainer.args.per_device_eval_batch_size = _at_once(trainer.eval_dataset, trainer)
    before = loss_before(trainer, workshop.folder, _evaluated)
    trainer.add_callback(following)
    held_out, trainer.eval_dataset = trainer.eval_dataset, Sample(trainer.eval_dataset, loop.looked_at)
    trainer.train_dataset = Course(trainer.train_dataset, loop.steps * loop.batch_size, loop.seed)
    trainer.args.per_device_eval_batch_size = _at_once(trainer.eval_dataset, trainer)
    with whole.again(trainer):
        _train(trainer, workshop, following, loop, until)
        _take_best(trainer, workshop)
        trainer.eval_dataset = held_out
        trainer.args.per_device_eval_batch_size = _at_once(held_out, trainer)
        following.look()
        if processes.first():
            workshop.step(END, "evaluating")
        measures = _evaluated(trainer)
    if not processes.first():
        raise processes.Bystander
    return measures | before | {"training_seconds": round(time.monotonic() - began, 1)}


def arguments(schedule: Schedule, learning_rate: float, workshop: Workshop) -> dict[str, Any]:
    """Of TrainingArguments, or of a class below it. Raises TrainingFailed when a batch cannot be shared out."""
    loop, on_gpu = Loop.of(schedule), device().type == "cuda"
    micro_batch = loop.micro_batch(processes.together().num_processes)
    half = on_gpu and torch.cuda.is_bf16_supported()
    falling: dict[str, Any] = {"lr_scheduler_type": "cosine"}
    if loop.decay is Decay.WSD:
        last = max(1, loop.steps // 5)
        falling = {
            "lr_scheduler_type": "warmup_stable_decay",
            "lr_scheduler_kwargs": {"num_decay_steps": last},
        }
    return falling | {
        "output_dir": str(writing(workshop)),
        "max_steps": loop.steps,
        "per_device_train_batch_size": micro_batch,
        "per_device_eval_batch_size": micro_batch,
        "gradient_accumulation_steps": loop.accumulation_steps,
        "train_sampling_strategy": "sequential",  # the order is the Course's
        "learning_rate": learning_rate,
        "warmup_steps": loop.warmup,
        "weight_decay": 0.01,
        "seed": loop.seed,
        "data_seed": loop.seed,
        "eval_strategy": "no" if loop.looks is None else "steps",
        "eval_steps": loop.looks,
        "save_strategy": "no",  # Following says when
        "logging_steps": 10,
        "include_num_input_tokens_seen": "all",
        "use_cpu": not on_gpu,
        "bf16": half,
        "fp16": on_gpu and not half,
        "dataloader_pin_memory": on_gpu,
        "report_to": [],
        "disable_tqdm": True,
    }


def _train(trainer: Trainer, workshop: Workshop, following: Following, loop: Loop, until: int) -> None:
    """Raises whatever has stopped it before its time."""
    checkpoint = workshop.last_checkpoint()
    reached = None if checkpoint is None else TrainerState.load_from_json(str(checkpoint / STATE))
    if reached is not None and _is_over(reached, loop, until):
        trainer._load_from_checkpoint(str(checkpoint))  # noqa: SLF001  train() would do one step more
        trainer.state = reached
        return
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if following.ended is not None:
        raise following.ended
    if trainer.state.global_step < loop.steps and not _is_over(trainer.state, loop, until):
        raise RunInterrupted("the worker is stopping")  # the first process knows why


def _is_over(state: TrainerState, loop: Loop, until: int) -> bool:
    """Behind its last step train() itself knows that there is nothing to do, however the model is spread."""
    return until <= state.global_step < loop.steps or exhausted(losses(state), loop.patience)


def _take_best(trainer: Trainer, workshop: Workshop) -> None:
    """Where the held-out loss was looked at, the model of the best look."""
    found = best(losses(trainer.state))
    if found is None or found.step == trainer.state.global_step:
        return
    place = checkpoints.of_step(workshop.folder, found.step)
    if place is not None:
        trainer.state.best_model_checkpoint = str(place)
        trainer._load_best_model()  # noqa: SLF001  however the model is spread over processes


def _at_once(examples: Any, trainer: Trainer) -> int:
    """So many that no process is given examples a second time to fill its last batch: they would count in its loss."""
    most, others, many = trainer.args.per_device_train_batch_size, trainer.args.world_size, len(examples)
    if others == 1:
        return most
    return next((size for size in range(most, 1, -1) if many % (size * others) == 0), 1)


def _evaluated(trainer: Trainer) -> dict[str, float]:
    """On what was held out. Raises TrainingFailed."""
    found = trainer.evaluate()
    measures = {
        name.removeprefix("eval_"): value
        for name, value in found.items()
        if name.startswith("eval_") and not name.endswith(_OF_THE_CLOCK)
    }
    if not torch.isfinite(torch.tensor(measures["loss"])):
        raise TrainingFailed(
            "the held-out loss is not a finite number",
            field="parameters.learning_rate",
            remedy="Train again with a smaller learning rate.",
        )
    return measures
