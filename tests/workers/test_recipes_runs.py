"""Training runs as rows: what may be asked for, who may claim, and the fence against who comes too late."""

from typing import Any

import pytest
from sqlalchemy import update

from mainspring import work
from mainspring.errors import InvalidRequest, UnknownParameter
from mainspring.serving import lease
from mainspring.serving.sweep import requeue_lost
from mainspring.tables import Database, Deployment, Incarnation, Task, TrainingRun, WorkState
from mainspring.training import runs
from mainspring.work import Fence, Said

CORPUS = {"corpus": {"docstrings": ["json"]}}


def deployment(database: Database, task: Task = Task.TEXT_GENERATION) -> str:
    with database.transaction() as session:
        session.add(Deployment(name="d", task=task.value))
    return "d"


def claimed(database: Database) -> Fence | None:
    with database.transaction() as session:
        life = lease.begin(session, "train", 60)
        run = work.claim(session, life, max_losses=3)
        return Fence(TrainingRun, run.id, life, run.attempt) if run else None


@pytest.mark.parametrize(
    ("recipe", "parameters", "field"),
    [
        ("alchemy", {}, "recipe"),
        ("encoder-fine-tuning", {}, "recipe"),
        ("import", {}, "parameters.model"),
        ("import", {"model": ""}, "parameters.model"),
        ("import", {"model": "a\x00b"}, "parameters.model"),
        ("import", {"model": "m", "trust": True}, "parameters.trust"),
        ("continued-pretraining", {"corpus": {}}, "parameters.corpus"),
        ("continued-pretraining", {"corpus": {"docstrings": ["os"], "folder": "f"}}, "parameters.corpus"),
        ("continued-pretraining", {"corpus": {"docstrings": ["../x"]}}, "parameters.corpus.docstrings.0"),
        ("continued-pretraining", CORPUS | {"steps": 0}, "parameters.steps"),
        ("continued-pretraining", CORPUS | {"steps": "5"}, "parameters.steps"),
        ("continued-pretraining", CORPUS | {"learning_rate": float("nan")}, "parameters.learning_rate"),
    ],
)
def test_what_cannot_be_asked_for(
    database: Database, recipe: str, parameters: dict[str, Any], field: str
) -> None:
    deployment(database)
    with pytest.raises(InvalidRequest) as refused, database.transaction() as session:
        runs.request_run(session, "d", recipe, parameters)
    assert refused.value.field == field
    assert refused.value.remedy
    assert isinstance(refused.value, UnknownParameter) == (field == "parameters.trust")


def test_the_oldest_run_goes_to_one_claimer(database: Database) -> None:
    deployment(database)
    with database.transaction() as session:
        first = runs.request_run(session, "d", "continued-pretraining", CORPUS)
        second = runs.request_run(session, "d", "import", {"model": "m"})
    claims = [claimed(database) for _ in range(3)]
    assert [fence.id if fence else None for fence in claims] == [first.id, second.id, None]
    assert first.parameters["steps"] == 400


def test_an_attempt_that_comes_too_late_changes_nothing(database: Database) -> None:
    deployment(database)
    with database.transaction() as session:
        asked = runs.request_run(session, "d", "import", {"model": "m"})
    late = claimed(database)
    assert late is not None
    with database.transaction() as session:
        assert work.progress(session, late, 0.5, "half", {"a": 1}) is Said.GO_ON
        session.execute(
            update(Incarnation)
            .where(Incarnation.id == late.incarnation)
            .values(lease_until=Incarnation.started_at)
        )
    with database.transaction() as session:
        requeue_lost(session, 3)
    current = claimed(database)
    assert current is not None
    assert (current.id, current.attempt) == (late.id, 2)
    with database.transaction() as session:
        assert work.progress(session, late, 0.9, "late", {}) is Said.LOST
        assert not work.fail(session, late, {"code": "late"})
        assert not late.end(session, WorkState.QUEUED, "late")
    with database.transaction() as session:
        assert work.progress(session, current, 0.6, "on", {"b": 2}) is Said.GO_ON
    with database.transaction() as session:
        run = session.get_one(TrainingRun, asked.id)
        assert (run.activity, run.measures, run.losses) == ("on", {"a": 1, "b": 2}, 1)


def test_a_run_that_kills_its_workers_fails(database: Database) -> None:
    deployment(database)
    with database.transaction() as session:
        run = runs.request_run(session, "d", "import", {"model": "m"})
        run.losses = 3
    assert claimed(database) is None
    with database.transaction() as session:
        run = session.get_one(TrainingRun, run.id)
        assert run.state == WorkState.FAILED
        assert run.error is not None
        assert run.error["code"] == "attempts_exhausted"
