"""Refreshes while processes are killed: each still ends, once, with the verdict that it has in peace.

python -m tests.faults.refreshes --home HOME [--moments 3] [--seed 1]

In each stage train, ops, infer and beat are killed at random moments; clients are answered all the while.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from mainspring.identifiers import uuid7
from mainspring.monitor import deciding
from mainspring.registry import champion_of
from mainspring.tables import (
    Database,
    Dataset,
    Evaluation,
    Refresh,
    RefreshState,
    Stage,
    TrainingRun,
    Verdict,
    Version,
)
from mainspring.training.runs import request_run
from tests.faults.stack import Stack
from tests.workers.refreshing import NEW, OLD, curate, write

STAGES = (RefreshState.CURATING, RefreshState.TRAINING, RefreshState.EVALUATING, RefreshState.RELEASING)
VICTIMS = ("train", "ops", "infer", "beat")
QUICK = {
    "MAINSPRING_LEASE_SECONDS": "3",
    "MAINSPRING_RENEW_SECONDS": "0.5",
    "MAINSPRING_COMPILE_STEPS": "false",
}
PATIENCE = 240.0
LATEST = 3.0  # seconds into a stage, at which somebody is killed
GATE = {
    "fewest_items": 5,
    "fewest_clusters": 5,
    "metrics": {
        "likelihood.new": {"role": "must_rise", "at_least": 0.5},
        "likelihood.old": {"role": "must_not_fall", "tolerance": 1.0},
    },
}


@dataclass(frozen=True)
class Kill:
    """`victim` dies so many seconds after the refresh has come into a stage, or when it leaves it, if that is earlier."""

    stage: RefreshState
    victim: str
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """What came of a refresh. `findings`: by the metric how it stands to what is asked, without the figures."""

    state: str
    reason: str
    decision: str | None
    findings: tuple[tuple[str, str], ...]
    dataset: str | None
    made: int  # versions, of this refresh's dataset


class Clients:
    """Who asks the deployments all the while; every answer has to come."""

    def __init__(self, stack: Stack, name: str) -> None:
        self._stack, self._name, self._over, self.answered = stack, name, Event(), 0
        self._pool = ThreadPoolExecutor(1)
        self._asking = self._pool.submit(self._ask)

    def _ask(self) -> None:
        with self._stack.client() as api:
            while not self._over.is_set():
                job = api.result(api.submit(self._name, "The river number", max_tokens=4)["id"], 120)
                assert job["state"] == "succeeded", job["error"]
                self.answered += 1

    def end(self) -> int:
        """How many were answered. Raises what went wrong."""
        self._over.set()
        self._asking.result(150)
        self._pool.shutdown()
        return self.answered


def prepare(stack: Stack, name: str, folder: Path) -> None:
    """A deployment whose version knows gears, and whose policy learns about rivers."""
    parameters = {"steps": 60, "batch_size": 4, "block_length": 32, "learning_rate": 3e-3}
    policy = {
        # So unlikely is a step back for a few answers that happened to be slow or improbable: that is not what is tested.
        "rollout": {"steps": [0.5], "dwell_seconds": 1, "samples": 5, "alpha": 1e-6},
        "drain": {"idle_seconds": 0, "keep_seconds": 0},
        "gate": GATE,
        "evaluation": {"timed": 0, "perturbed": 0},
        "refresh": {
            "curate": curate(write(folder / NEW, NEW)),
            "parameters": parameters,
            "retry_seconds": 0.0,
        },
    }
    with stack.client() as api:
        api.request("PUT", f"/v1/deployments/{name}", json={"task": "text-generation", "policy": policy})
    database = stack.database()
    try:
        with database.transaction() as session:
            known = Dataset(id=uuid7(), deployment=name, plan=curate(write(folder / OLD, OLD)))
            session.add(known)
            session.flush()
            request_run(session, name, "continued-pretraining", parameters, dataset=known)
        _until(lambda: _champion(database, name), f"{name} has no version")
    finally:
        database.close()


def refresh(stack: Stack, name: str, kills: Sequence[Kill] = ()) -> Outcome:
    """One whole one, from a person's wish. Raises TimeoutError."""
    database = stack.database()
    clients = Clients(stack, name)
    try:
        with database.transaction() as session:
            deciding.ask(session, name, actor="test", reason="to be killed in")
        for stage in STAGES:
            _until(lambda at=stage: _reached(database, name, at), f"{name} does not come to {stage}")
            began = time.monotonic()
            for kill in sorted((one for one in kills if one.stage is stage), key=lambda one: one.seconds):
                while time.monotonic() < began + kill.seconds and _where(database, name) is stage:
                    time.sleep(0.02)
                stack.kill(kill.victim)
        _until(lambda: _reached(database, name, None), f"{name} does not end")
        return _outcome(database, name)
    finally:
        clients.end()
        database.close()


def _where(database: Database, name: str) -> RefreshState | None:
    """None: there is none yet."""
    with database.transaction() as session:
        found = session.scalar(
            select(Refresh.state).where(Refresh.deployment == name).order_by(Refresh.began_at.desc()).limit(1)
        )
        return None if found is None else RefreshState(found)


def _reached(database: Database, name: str, stage: RefreshState | None) -> bool:
    """It has come there, or past it; None: it has ended."""
    later = set(STAGES[STAGES.index(stage) :]) if stage is not None else set()
    state = _where(database, name)
    return state is not None and (state.ended or state in later)


def _champion(database: Database, name: str) -> bool:
    with database.transaction() as session:
        return champion_of(session, name) is not None


def _until(reached: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > until:
            raise TimeoutError(otherwise)
        time.sleep(0.02)


def _outcome(database: Database, name: str) -> Outcome:
    with database.transaction() as session:
        ended = session.scalars(select(Refresh).where(Refresh.deployment == name)).one()
        verdict = None if ended.verdict_id is None else session.get_one(Verdict, ended.verdict_id)
        dataset = None if ended.dataset_id is None else session.get_one(Dataset, ended.dataset_id)
        findings = [] if verdict is None else verdict.details["findings"]
        made = session.scalar(
            select(func.count()).where(Version.deployment == name, Version.stage != Stage.REGISTERED.value)
        )
        return Outcome(
            ended.state,
            ended.reason,
            None if verdict is None else verdict.decision,
            tuple((one["name"], one["state"]) for one in findings if one["asked"] != "informs"),
            None if dataset is None else dataset.digest,
            (made or 0) - 1,
        )


def attempts(database: Database, name: str) -> dict[str, int]:
    """Of each piece of work of a deployment's refresh."""
    with database.transaction() as session:
        found = session.scalars(select(Refresh).where(Refresh.deployment == name)).one()
        pieces: dict[str, tuple[Any, UUID | None]] = {
            "dataset": (Dataset, found.dataset_id),
            "run": (TrainingRun, found.run_id),
            "evaluation": (Evaluation, found.evaluation_id),
        }
        return {what: session.get_one(kind, id_).attempt for what, (kind, id_) in pieces.items() if id_}


def moments(draw: random.Random, victim: str) -> list[Kill]:
    """In each stage one."""
    return [Kill(stage, victim, draw.uniform(0, LATEST)) for stage in STAGES]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--moments", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    draw, different = random.Random(given.seed), 0
    home = given.home / "refreshes"
    with Stack(home / "home", **QUICK) as stack:
        prepare(stack, "calm", home / "calm")
        calm = refresh(stack, "calm")
        print(f"in peace: {calm.state}, {calm.decision}: {calm.reason}")
        for number in range(given.moments):
            for victim in VICTIMS:
                name = f"{victim}-{number}"
                prepare(stack, name, home / name)
                began = time.monotonic()
                found = refresh(stack, name, moments(draw, victim))
                same = (found.state, found.decision, found.findings, found.made) == (
                    calm.state,
                    calm.decision,
                    calm.findings,
                    calm.made,
                )
                different += not same
                tries = attempts(stack.database(), name)
                said = "the same" if same else f"DIFFERENT: {found}"
                print(f"{victim} killed in each stage, {time.monotonic() - began:.0f} s, {tries}: {said}")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
