"""What one round works with: MLflow on one side, what was written on the other, and the time it has."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from mainspring.errors import MirrorRefused
from mainspring.mirror import otlp
from mainspring.mirror.mlflow import Experiment, Mlflow
from mainspring.mirror.progress import Kind, Progress, Written
from mainspring.mirror.things import ID, INSTALLATION, Run, Trace
from mainspring.tables import Database

REMEDY = "Set MAINSPRING_MLFLOW_PREFIX, which goes before the names of what this installation writes there."


@dataclass
class Round:
    """`written`: how many things and stretches of series. `refused`: what MLflow would not take, and why.

    `anew`: it was another MLflow than before, or a wiped one. `whole`: nothing is left for the next round.
    """

    written: int = 0
    refused: list[str] = field(default_factory=list)
    anew: bool = False
    whole: bool = True


class Later(Exception):
    """The round's time is over."""


class Desk:
    """Raises MirrorAway; MirrorRefused when the experiment is not ours."""

    def __init__(self, database: Database, mlflow: Mlflow, prefix: str, seconds: float) -> None:
        self.database, self.mlflow, self.prefix = database, mlflow, prefix
        self.round = Round()
        self.progress = Progress(database)
        self.installation = self.progress.installation()
        self._until = time.monotonic() + seconds
        experiment = self._experiment(f"{prefix}mainspring")
        self._place = experiment.id
        self.round.anew = not self.progress.is_of(f"{prefix}mainspring", experiment.identity)

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """What MLflow will not take holds up nothing else; and when the time is over, nothing more is begun."""
        try:
            yield
        except Later:
            self.round.whole = False
        except MirrorRefused as refused:
            self.round.refused.append(f"{name}: {refused.detail}")

    def in_time(self) -> None:
        """Raises Later."""
        if time.monotonic() > self._until:
            raise Later

    def note(self, kind: Kind, key: str, written: Written, *, settled: bool = False) -> None:
        self.progress.note(kind, key, written, settled=settled)
        self.round.written += 1

    def find(self, run_key: str) -> str | None:
        """What MLflow calls the run of this key, if it is there."""
        found = self.mlflow.run(self._place, run_key)
        return None if found is None or found.deleted else found.id

    def write(self, run: Run) -> str:
        """Found by its key, or made, and then made true. Returns what MLflow calls it."""
        known = self.progress.known(Kind.RUN, run.key)
        if known is not None and known.state == run.digest:
            return known.ref
        self.in_time()
        found = self.mlflow.run(self._place, run.key)
        if found is not None and found.deleted:
            self.mlflow.restore_run(found.id)
        tags = {ID: run.key, **run.tags}
        ref = self.mlflow.make_run(self._place, run.name, run.began_at, tags) if found is None else found.id
        self.mlflow.log(ref, run.points, run.parameters, run.tags)
        self.mlflow.log_inputs(ref, run.inputs)
        self.mlflow.set_run(ref, run.name, run.status, run.ended_at)
        self.note(Kind.RUN, run.key, Written(ref, run.digest), settled=run.settled)
        return ref

    def send_traces(self, traces: Sequence[Trace]) -> None:
        """The same again changes nothing."""
        self.in_time()
        self.mlflow.send_traces(self._place, otlp.request(traces))
        self.round.written += len(traces)

    def delete_traces(self, names: Sequence[str]) -> None:
        """What is not there is no error."""
        self.mlflow.delete_traces(self._place, names)

    def _experiment(self, name: str) -> Experiment:
        found = self.mlflow.experiment(name)
        if found is None:
            self.mlflow.make_experiment(name, {INSTALLATION: self.installation})
            found = self.mlflow.experiment(name)
        if found is None or found.tags.get(INSTALLATION) != self.installation:
            raise MirrorRefused(f"MLflow has an experiment `{name}` of somebody else", remedy=REMEDY)
        if found.deleted:
            self.mlflow.restore_experiment(found.id)
        return found
