"""What goes on beside the steps of a training loop: progress, checkpoints, the wish to stop, patience, threads."""

import time
from collections.abc import Callable
from enum import IntFlag
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from mainspring.errors import MainspringError
from mainspring.training.errors import RunInterrupted, RunLost
from mainspring.training.loop import Loop
from mainspring.training.patience import Seen, best, exhausted
from mainspring.training.rhythm import Rhythm
from mainspring.training.speed import Speed, spoken
from workers.gpu.device import device, use_threads
from workers.gpu.recipes import checkpoints, processes
from workers.gpu.recipes.pace import Pace
from workers.gpu.recipes.workshop import Workshop

TELL_SECONDS = 1.0
BEGIN, END = 0.1, 0.95  # of the whole run, before the loop and after it
LOGGED = 20  # lines of training losses that a checkpoint takes along


class _Do(IntFlag):
    """What the first process decides after a step, for all of them."""

    KEEP = 1
    STOP = 2


class Following(TrainerCallback):
    """Tells the row how far it is, about once a second; writes checkpoints by the clock, and one when it has to stop.

    `ended`: why it stopped, when that was not its own doing. `until`: it ends behind this step, with a checkpoint.
    """

    def __init__(self, workshop: Workshop, loop: Loop, until: int) -> None:
        self.ended: MainspringError | None = None
        self._workshop, self._loop, self._until = workshop, loop, until
        self._rhythm, self._speed, self._pace = Rhythm(time.monotonic()), Speed(), _pace()
        self._began: float | None = None
        self._saving_since = self._told = 0.0
        self._loss: float | None = None
        self._looking = False

    def on_train_begin(
        self,
        args: TrainingArguments,  # noqa: ARG002  the library's signature, here and below
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **more: Any,  # noqa: ARG002
    ) -> None:
        now = time.monotonic()
        self._rhythm = Rhythm(now)
        self._speed.mark(now, state.global_step, state.num_input_tokens_seen)

    def on_log(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **more: Any,
    ) -> None:
        self._loss = more["logs"].get("loss", self._loss)
        logged = [one for one in state.log_history if "eval_loss" not in one][-LOGGED:]
        state.log_history[:] = [one for one in state.log_history if "eval_loss" in one] + logged

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
        self._began = self._saving_since = now
        self._speed.mark(now, state.global_step, state.num_input_tokens_seen)
        do = _Do(processes.agreed(self._decided(now, state)))
        if _Do.KEEP in do:
            control.should_save = True
        if _Do.STOP in do:
            control.should_training_stop = True

    def on_evaluate(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,
        **more: Any,  # noqa: ARG002
    ) -> None:
        """What is the best so far is kept as a checkpoint, from where the result is taken."""
        if self._looking:
            return
        self._rhythm.paused(time.monotonic())
        self._began = None
        seen = losses(state)
        found = best(seen)
        if found is not None and found.step == state.global_step:
            control.should_save = True
        if exhausted(seen, self._loop.patience):
            control.should_save = control.should_training_stop = True

    def on_save(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        **more: Any,  # noqa: ARG002
    ) -> None:
        processes.meet()
        if processes.first():
            checkpoints.seal(self._workshop.checkpoints, state.global_step)
            found = best(losses(state))
            needed = [] if found is None else [found.step]
            checkpoints.drop_old(self._workshop.folder, self._workshop.attempt, needed)
        self._rhythm.saved(self._saving_since, time.monotonic())
        self._began = None

    def on_prediction_step(
        self,
        args: TrainingArguments,  # noqa: ARG002
        state: TrainerState,  # noqa: ARG002
        control: TrainerControl,  # noqa: ARG002
        **more: Any,  # noqa: ARG002
    ) -> None:
        """In the last evaluation, behind which nothing would be lost."""
        now = time.monotonic()
        if self._looking and processes.first() and now - self._told >= TELL_SECONDS:
            self._told = now
            self._workshop.step(END, "evaluating")

    def look(self) -> None:
        """The loop has ended; what is evaluated now is its result."""
        self._looking = True

    def _decided(self, now: float, state: TrainerState) -> _Do:
        """By the first process, whose word counts."""
        due = self._rhythm.stepped(now)
        if not processes.first():
            return _Do(0)
        do = _Do.KEEP if due or state.global_step % self._loop.checkpoint_steps == 0 else _Do(0)
        if state.global_step >= min(self._until, state.max_steps):
            do |= _Do.KEEP | _Do.STOP
        if self._workshop.stopping():
            self.ended = RunInterrupted("the worker is stopping")
        elif now - self._told >= TELL_SECONDS or state.global_step >= state.max_steps:
            self._told = now
            self.ended = _refused(lambda: self._tell(state))
        if self.ended is None:
            return do
        gone = isinstance(self.ended, RunLost) or not isinstance(self.ended, RunInterrupted)
        return _Do.STOP if gone else _Do.KEEP | _Do.STOP

    def _tell(self, state: TrainerState) -> None:
        measures: dict[str, Any] = {"step": state.global_step}
        words = [f"training · step {state.global_step} of {state.max_steps}"]
        if self._loss is not None:
            measures["training_loss"] = round(self._loss, 4)
            words.append(f"loss {self._loss:.3f}")
        if (speed := self._speed.tokens_per_second) is not None:
            measures["tokens_per_second"] = round(speed)
            words.append(f"{speed:,.0f} tokens/s")
        if (left := self._speed.remaining(state.max_steps - state.global_step)) is not None:
            measures["remaining_seconds"] = round(left)
            words.append(f"{spoken(left)} left")
        if (seen := losses(state)) and (found := best(seen)):
            measures |= {"held_out_loss": round(seen[-1].loss, 4), "best_step": found.step}
        share = state.global_step / state.max_steps
        self._workshop.tell(BEGIN + (END - BEGIN) * share, " · ".join(words), measures)


def losses(state: TrainerState) -> list[Seen]:
    """The looks at the held-out loss so far, those before a resumption too."""
    return [Seen(int(one["step"]), one["eval_loss"]) for one in state.log_history if "eval_loss" in one]


def writing(workshop: Workshop) -> Path:
    """Where the trainer puts what is not complete."""
    return workshop.checkpoints / checkpoints.WRITING


def _pace() -> Pace:
    if device().type != "cpu":
        return Pace(1, torch.set_num_threads)
    threads, others = use_threads(), processes.together().num_processes
    if others > 1:
        torch.set_num_threads(max(1, threads // others))
        return Pace(1, torch.set_num_threads)
    return Pace(threads, torch.set_num_threads)


def _refused(tell: Callable[[], None]) -> MainspringError | None:
    try:
        tell()
    except MainspringError as error:
        return error
    return None
