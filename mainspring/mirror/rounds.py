"""One round of the mirror: what MLflow lacks is written. Of two at once the second does nothing."""

from datetime import datetime

from sqlalchemy import func, select

from mainspring.kept.keys import Keys, keys_at_hand
from mainspring.mirror import evaluations, judged, models, training, versions
from mainspring.mirror.desk import Desk, Round
from mainspring.mirror.extending import extend
from mainspring.mirror.mlflow import Mlflow
from mainspring.mirror.progress import Kind
from mainspring.mirror.series import SERIES, served
from mainspring.mirror.showing import show, take_back
from mainspring.mirror.traces import traced
from mainspring.settings import Settings
from mainspring.tables import Database

SECONDS = 10.0  # of one round: what is left is for the next
_MINE = select(func.pg_try_advisory_xact_lock(func.hashtextextended("mainspring.mirror", 0)))


def mirror(
    database: Database, settings: Settings, now: datetime, *, seconds: float = SECONDS
) -> Round | None:
    """None: another one is at it. Raises MirrorAway; MirrorRefused when the experiment is somebody else's."""
    with database.begin() as held:  # no statement runs in it while MLflow is spoken to
        if not held.scalar(_MINE):
            return None
        with Mlflow(settings.mlflow_url, settings.mlflow_token) as mlflow:
            desk = Desk(database, mlflow, settings.mlflow_prefix, seconds)
            _runs(desk)
            _models(desk)
            _series(desk, now)
            _traces(desk, keys_at_hand(settings))
            return desk.round


def _runs(desk: Desk) -> None:
    """First, so that a version finds the run that made it."""
    for source in (training.runs, evaluations.runs, judged.runs):
        with desk.database.transaction() as session:
            found = source(session)
        for run in found:
            with desk.one(run.name):
                desk.write(run)


def _models(desk: Desk) -> None:
    with desk.database.transaction() as session:
        found = versions.models(session)
    for model in found:
        with desk.one(f"model {model.key}"):
            models.write(desk, model)


def _series(desk: Desk, now: datetime) -> None:
    with desk.database.transaction() as session:
        found = served(session)
    for version in found:
        with desk.one(version.run.name):
            if desk.progress.known(Kind.RUN, version.run.key) is not None:  # else it has none yet
                desk.write(version.run)
        for series in SERIES:
            with desk.one(f"{version.run.name}, {series.name}"):
                extend(desk, version, series, now)


def _traces(desk: Desk, keys: Keys) -> None:
    with desk.one("texts of traces"):
        take_back(desk)
    with desk.database.transaction() as session:
        found = traced(session)
    for version in found:
        with desk.one(f"traces of {version.label}"):
            show(desk, version, keys)
