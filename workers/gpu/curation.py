"""Carry out a curation: gather and clean in a folder of its own, then keep what came of it by the digest of its rows."""

import shutil
from contextlib import suppress

from mainspring.curation import excluded, files
from mainspring.curation.curating import curate
from mainspring.curation.plan import CurationPlan
from mainspring.curation.surroundings import Curated, Surroundings
from mainspring.errors import DatasetRefused
from mainspring.tables import Dataset, Deployment, Event, Task
from mainspring.work import Fence
from workers.gpu.attempt import Attempt, Bench
from workers.persist import persist

ACTOR = "train worker"


class CurationAttempt(Attempt):
    """Of a dataset."""

    remedy = "See the train worker's log. Out of memory: fewer sources, or a smaller `most`."

    def __init__(self, bench: Bench, fence: Fence, dataset: Dataset) -> None:
        super().__init__(bench, fence)
        self._dataset = dataset
        self._folder = self.settings.home / "curation" / str(dataset.id) / str(dataset.attempt)

    def make(self) -> str:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        plan = CurationPlan.model_validate(self._dataset.plan)
        try:
            curated = curate(plan, self._surroundings(), self._folder)
        except DatasetRefused:
            excluded.keep(self.settings, self._dataset, self._folder)
            raise
        files.keep(curated.folder, self.settings.datasets / curated.digest)
        persist(lambda: self._tell_all(curated), self.settings.lease_seconds)
        return curated.digest

    def clear(self) -> None:
        """But for what says why it was refused."""
        for attempt in range(1, self._dataset.attempt + 1):
            shutil.rmtree(self._folder.with_name(str(attempt)), ignore_errors=True)
        with suppress(OSError):
            self._folder.parent.rmdir()

    def _surroundings(self) -> Surroundings:
        name, now = self._dataset.deployment, self._dataset.created_at
        with self.database.transaction() as session:
            task = Task(session.get_one(Deployment, name).task)
        return Surroundings(self.database, self.settings.datasets, name, task, now, self.tell)

    def _tell_all(self, curated: Curated) -> None:
        """What it is, the event, and the row's end: all of it or nothing."""
        reason = f"{sum(curated.rows.values()):,} examples"
        inputs = {"dataset": str(self._dataset.id), "digest": curated.digest, "rows": curated.rows}
        about = self._dataset.deployment
        with self.database.transaction() as session:
            session.add(Event(kind="dataset.made", about=about, actor=ACTOR, reason=reason, inputs=inputs))
            self.finished(
                session, digest=curated.digest, rows=curated.rows, bytes=curated.bytes, card=curated.card
            )
