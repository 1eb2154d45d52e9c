"""Long work as rows: who may claim it and when, and what may be wished of it."""

from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from mainspring import work
from mainspring.errors import Conflict
from mainspring.identifiers import uuid7
from mainspring.serving import lease
from mainspring.tables import Database, Dataset, Deployment, Evaluation, TrainingRun, Wish, WorkState
from mainspring.training.runs import request_run
from mainspring.work import AnyWork, Fence, Said
from tests.rows import champion

STEPS = {"steps": 1}


def dataset(session: Session, state: WorkState = WorkState.QUEUED) -> Dataset:
    session.merge(Deployment(name="assistant", task="text-generation", policy={}))
    session.flush()
    row = Dataset(id=uuid7(), deployment="assistant", plan={}, state=state.value)
    session.add(row)
    session.flush()
    return row


def run(session: Session, of: Dataset) -> TrainingRun:
    return request_run(session, "assistant", "continued-pretraining", STEPS, dataset=of)


def claimed(database: Database) -> tuple[AnyWork, Fence] | None:
    with database.transaction() as session:
        life = lease.begin(session, "train", 60)
        found = work.claim(session, life, max_losses=3)
    return None if found is None else (found, Fence(type(found), found.id, life, found.attempt))


def ended(database: Database, fence: Fence, state: WorkState) -> None:
    with database.transaction() as session:
        assert fence.end(session, state, state.value)


def state_of(database: Database, kind: type[AnyWork], id_: UUID) -> WorkState:
    with database.transaction() as session:
        return WorkState(session.get_one(kind, id_).state)


def test_what_is_quick_goes_before_what_takes_long_and_a_run_after_its_dataset(database: Database) -> None:
    with database.transaction() as session:
        version = champion(session)
        made = dataset(session)
        waits = run(session, made)
        asked = Evaluation(id=uuid7(), deployment="assistant", challenger_id=version.id, suite={})
        session.add(asked)
    first = claimed(database)
    assert first is not None
    assert first[0].id == made.id
    second = claimed(database)
    assert second is not None
    assert second[0].id == asked.id
    assert claimed(database) is None  # its dataset is still made
    with database.transaction() as session:
        assert work.waiting(session, work.func.now()) is None
    ended(database, first[1], WorkState.SUCCEEDED)
    third = claimed(database)
    assert third is not None
    assert third[0].id == waits.id


def test_a_run_whose_dataset_was_refused_does_not_wait_for_ever(database: Database) -> None:
    with database.transaction() as session:
        made = dataset(session)
        waits = run(session, made)
        made.state = WorkState.FAILED.value
    found = claimed(database)
    assert found is not None
    assert found[0].id == waits.id  # its attempt says why it fails


def test_what_waits_is_paused_resumed_and_cancelled_at_once(database: Database) -> None:
    with database.transaction() as session:
        made = dataset(session)
        work.ask(session, made, Wish.PAUSE)
    assert claimed(database) is None
    with database.transaction() as session:
        work.resume(session, session.get_one(Dataset, made.id))
    found = claimed(database)
    assert found is not None
    with database.transaction() as session:
        work.ask(session, session.get_one(Dataset, made.id), Wish.PAUSE)
    with database.transaction() as session:
        assert work.progress(session, found[1], 0.5, "half", {}) is Said.PAUSE
    with database.transaction() as session:
        work.resume(session, session.get_one(Dataset, made.id))  # before its worker stopped
    with database.transaction() as session:
        assert work.progress(session, found[1], 0.6, "on", {}) is Said.GO_ON
        work.ask(session, session.get_one(Dataset, made.id), Wish.CANCEL)
        assert work.progress(session, found[1], 0.7, "on", {}) is Said.CANCEL
    ended(database, found[1], WorkState.CANCELLED)
    with database.transaction() as session:
        row = session.get_one(Dataset, made.id)
        assert (row.wish, row.incarnation) == (None, None)


@pytest.mark.parametrize("state", [state for state in WorkState if state.ended])
def test_what_has_ended_is_left_as_it_is(database: Database, state: WorkState) -> None:
    with database.transaction() as session:
        made = dataset(session, state)
        for wish in Wish:
            with pytest.raises(Conflict, match=state.value):
                work.ask(session, made, wish)
        with pytest.raises(Conflict, match=state.value):
            work.resume(session, made)
    assert state_of(database, Dataset, made.id) is state
