"""A model is stored once by its bytes, numbered within its deployment, and released one champion at a time."""

from pathlib import Path

import pytest
from sqlalchemy import select

from mainspring import registry
from mainspring.errors import UnknownDeployment
from mainspring.release.draining import retire_drained
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
        assert [version.id for version in registry.desired(session)] == [first.id, second.id, third.id]
        assert retire_drained(session) == [second.label]
        assert [version.id for version in registry.desired(session)] == [first.id, third.id]
        assert registry.task_of(session, second) is Task.TEXT_GENERATION


def test_no_such_deployment(database: Database, tmp_path: Path) -> None:
    stored, found = put(tmp_path / "store", model(tmp_path / "a"))
    with pytest.raises(UnknownDeployment), database.transaction() as session:
        registry.register(session, "nowhere", stored, found, {})
