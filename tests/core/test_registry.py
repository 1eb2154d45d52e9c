"""A model is stored once by its bytes, numbered within its deployment, and released one champion at a time."""

from pathlib import Path

import pytest
from sqlalchemy import select

from mainspring import registry
from mainspring.errors import Conflict, InvalidRequest, UnknownDeployment
from mainspring.lifecycle import advance
from mainspring.release.back import go_back
from mainspring.release.draining import retire_drained
from mainspring.release.rollout import begin
from mainspring.tables import Database, Deployment, Event, Stage, Task, Version
from tests.core.model_folders import model, safetensors
from tests.rows import submit


def put(store: Path, folder: Path) -> tuple[registry.Stored, registry.Inspection]:
    found = registry.inspect(folder, Task.TEXT_GENERATION)
    return registry.put(store, folder, found.files), found


def made(database: Database, store: Path, folder: Path, name: str = "assistant") -> Version:
    stored, found = put(store, folder)
    with database.transaction() as session:
        if session.get(Deployment, name) is None:
            session.add(Deployment(name=name, task=Task.TEXT_GENERATION.value))
            session.flush()
        version = registry.register(session, name, stored, found, {"folder": "here"})
        registry.release(session, version, actor="test", reason="asked for")
        return version


def other(folder: Path) -> Path:
    model(folder)
    (folder / "model.safetensors").write_bytes(safetensors(5))
    return folder


def test_first_to_production_second_replaces_it(database: Database, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = made(database, store, model(tmp_path / "a"))
    second = made(database, store, other(tmp_path / "b"))
    with database.transaction() as session:
        stages = {version.label: version.stage for version in session.scalars(select(Version))}
        kinds = session.execute(select(Event.about, Event.inputs["to"].astext).order_by(Event.id)).all()
    assert (first.number, second.number) == (1, 2)
    assert stages == {"assistant@1": Stage.DRAINING, "assistant@2": Stage.PRODUCTION}
    assert [tuple(kind) for kind in kinds] == [
        ("assistant@1", "production"),
        ("assistant@1", "draining"),
        ("assistant@2", "production"),
    ]


def test_the_same_bytes_keep_their_number_and_come_back(database: Database, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = made(database, store, model(tmp_path / "a"))
    made(database, store, other(tmp_path / "b"))
    again = made(database, store, model(tmp_path / "c"))
    assert (again.id, again.number, again.stage) == (first.id, 1, Stage.PRODUCTION)
    with database.transaction() as session:
        assert session.scalars(select(Version.stage).order_by(Version.number)).all() == [
            Stage.PRODUCTION,
            Stage.DRAINING,
        ]


def test_a_draining_version_is_wanted_while_a_job_names_it(database: Database, tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = made(database, store, model(tmp_path / "a"))
    with database.transaction() as session:
        submit(session)
    second = made(database, store, other(tmp_path / "b"))
    third = made(database, store, model(tmp_path / "c", {"model_type": "mistral"}))
    with database.transaction() as session:
        session.get_one(Deployment, "assistant").policy = {"drain": {"keep_seconds": 0}}
    with database.transaction() as session:
        assert [version.id for version in registry.desired(session)] == [first.id, second.id, third.id]
        assert retire_drained(session) == [second.label]
        assert [version.id for version in registry.desired(session)] == [first.id, third.id]
        assert registry.task_of(session, second) is Task.TEXT_GENERATION


def test_who_left_before_it_was_in_production_gets_another_number(database: Database, tmp_path: Path) -> None:
    """There is no other way on for it: clients never had all of it, so it is no way back."""
    store = tmp_path / "store"
    first = made(database, store, model(tmp_path / "a"))
    stored, found = put(store, other(tmp_path / "b"))
    with database.transaction() as session:
        second = registry.register(session, "assistant", stored, found, {})
        for stage in (Stage.TESTING, Stage.STAGING, Stage.CANARY):
            advance(session, second, stage, actor="test", reason="a challenger")
        registry.retire(session, "assistant", actor="test", reason="closed")
        assert second.stage == Stage.DRAINING
        deployment = session.get_one(Deployment, "assistant")
        registry.restore(session, deployment, actor="test", reason="open again")
        registry.release(session, session.get_one(Version, first.id), actor="test", reason="again")
    with database.transaction() as session:
        second = session.get_one(Version, second.id)
        with pytest.raises(Conflict, match="left before") as refused:
            begin(session, second, None, actor="test", reason="again")
        assert "Register" in (refused.value.remedy or "")
        with pytest.raises(InvalidRequest, match="has not been in production"):
            go_back(session, "assistant", second, actor="test", reason="back")
        again = registry.register(session, "assistant", stored, found, {})
        assert (again.number, again.stage) == (3, Stage.REGISTERED)
        registry.release(session, again, actor="test", reason="newer")
        assert go_back(session, "assistant", actor="test", reason="back").version.number == 1


def test_no_such_deployment(database: Database, tmp_path: Path) -> None:
    stored, found = put(tmp_path / "store", model(tmp_path / "a"))
    with pytest.raises(UnknownDeployment), database.transaction() as session:
        registry.register(session, "nowhere", stored, found, {})
