"""The training loop of every recipe: transformers' Trainer with checkpoints, progress and an early way out."""

import time
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.utils.data import Dataset
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from mainspring.training.errors import RunInterrupted, TrainingFailed
from workers.gpu.device import device, use_threads
from workers.gpu.recipes.pace import Pace
from workers.gpu.recipes.workshop import Workshop

TELL_SECONDS = 1.0
BEGIN, END = 0.1, 0.95  # of the whole run, before the loop and after it


class Schedule(Protocol):
    """What a recipe's parameters say of the loop."""

    steps: int
    batch_size: int
    seed: int
    checkpoint_steps: int


class Following(TrainerCallback):
    """Tells the row how far it is, about once a second; stops the loop, with a checkpoint, when asked to."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._pace = Pace(use_threads() if device().type == "cpu" else 1, torch.set_num_threads)
        self._began: float | None = None
        self._told = 0.0
        self._loss: float | None = None

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002  the library's signature, here and below
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,  # noqa: ARG002
        **more: Any,
    ) -> None:
        self._loss = more["logs"].get("loss", self._loss)

    def on_step_end(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,
        **more: Any,  # noqa: ARG002
    ) -> None:
        now = time.monotonic()
        if self._began is not None:
            self._pace.step(now - self._began)
        self._began = now
        if self._workshop.stopping():
            control.should_save = control.should_training_stop = True
            return
        if now - self._told < TELL_SECONDS and state.global_step < state.max_steps:
            return
        self._told = now
        share = state.global_step / state.max_steps
        measures: dict[str, Any] = {"step": state.global_step}
        if self._loss is not None:
            measures["training_loss"] = round(self._loss, 4)
        activity = f"training · step {state.global_step} of {state.max_steps}"
        self._workshop.tell(BEGIN + (END - BEGIN) * share, activity, measures)


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
) -> dict[str, float]:
    """Trains in place and evaluates on what was held out: {loss, …, seconds}; resumes from the last checkpoint.

    Raises RunInterrupted (a checkpoint is written), RunLost, TrainingFailed when the loss is not finite.
    """
    began = time.monotonic()
    trainer = Trainer(
        model=model,
        args=_arguments(schedule, learning_rate, workshop.checkpoints),
        train_dataset=training,
        eval_dataset=held_out,
        data_collator=collate,
        compute_metrics=measure,
        callbacks=[Following(workshop)],
    )
    trainer.remove_callback(PrinterCallback)  # the row has the progress; standard output is a log here
    checkpoint = workshop.last_checkpoint()
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if trainer.state.global_step < schedule.steps:
        raise RunInterrupted("the worker is stopping")
    seconds = time.monotonic() - began
    workshop.step(END, "evaluating")
    return _evaluated(trainer) | {"training_seconds": round(seconds, 1)}


def _evaluated(trainer: Trainer) -> dict[str, float]:
    """On what was held out. Raises TrainingFailed."""
    found = trainer.evaluate()
    measures = {
        name.removeprefix("eval_"): value
        for name, value in found.items()
        if name in ("eval_loss", "eval_accuracy")
    }
    if not torch.isfinite(torch.tensor(measures["loss"])):
        raise TrainingFailed(
            "the held-out loss is not a finite number",
            field="parameters.learning_rate",
            remedy="Train again with a smaller learning rate.",
        )
    return measures


def _arguments(schedule: Schedule, learning_rate: float, checkpoints: Path) -> TrainingArguments:
    on_gpu = device().type == "cuda"
    return TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=schedule.steps,
        per_device_train_batch_size=schedule.batch_size,
        per_device_eval_batch_size=schedule.batch_size,
        learning_rate=learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=min(schedule.steps // 10, 100),
        weight_decay=0.01,
        seed=schedule.seed,
        data_seed=schedule.seed,
        save_steps=schedule.checkpoint_steps,
        save_total_limit=2,
        logging_steps=10,
        use_cpu=not on_gpu,
        bf16=on_gpu,
        dataloader_pin_memory=on_gpu,
        report_to=[],
        disable_tqdm=True,
    )
