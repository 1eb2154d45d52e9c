"""A model is stored once by its bytes, numbered within its deployment, and released one champion at a time."""

from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from mainspring import registry
from mainspring.errors import Conflict, InvalidRequest, UnknownDeployment
from mainspring.lifecycle import advance
from mainspring.registry import adapters
from mainspring.release.back import go_back
from mainspring.release.card import record
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
        version = registry.register(
            session, name, stored, found, {"folder": "here"}, actor="key 7", reason="asked for"
        )
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
        advanced = select(Event.about, Event.inputs["to"].astext).where(Event.kind == "version.advanced")
        kinds = session.execute(advanced.order_by(Event.id)).all()
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
        second = registry.register(session, "assistant", stored, found, {}, actor="test", reason="a test")
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
        again = registry.register(session, "assistant", stored, found, {}, actor="test", reason="again")
        assert (again.number, again.stage) == (3, Stage.REGISTERED)
        registry.release(session, again, actor="test", reason="newer")
        assert go_back(session, "assistant", actor="test", reason="back").version.number == 1


def test_no_such_deployment(database: Database, tmp_path: Path) -> None:
    stored, found = put(tmp_path / "store", model(tmp_path / "a"))
    with pytest.raises(UnknownDeployment), database.transaction() as session:
        registry.register(session, "nowhere", stored, found, {}, actor="test", reason="asked for")


def test_a_registration_is_an_event_each_time(database: Database, tmp_path: Path) -> None:
    first = made(database, tmp_path / "store", model(tmp_path / "a"))
    made(database, tmp_path / "store", model(tmp_path / "b"))
    with database.transaction() as session:
        asked = select(Event).where(Event.kind == "version.registered").order_by(Event.id)
        told = session.scalars(asked).all()
        history = record(session, first)["history"]
    assert [(one["stage"], one["actor"]) for one in history] == [
        ("registered", "key 7"),
        ("production", "test"),
    ]
    assert [(one.about, one.actor, one.reason) for one in told] == [("assistant@1", "key 7", "asked for")] * 2
    assert told[0].inputs["digest"] == told[1].inputs["digest"] == first.digest
    assert told[0].inputs["source"] == {"folder": "here"}
    assert [one.inputs.get("again") for one in told] == [None, True]


def test_a_version_knows_its_size_and_its_tokenizer(database: Database, tmp_path: Path) -> None:
    store, folder = tmp_path / "store", model(tmp_path / "a")
    first = made(database, store, folder)
    assert first.bytes == sum(path.stat().st_size for path in folder.iterdir())
    assert first.tokenizer is not None
    assert first.tokenizer["kind"] == "tokenizer.json"
    second = made(database, store, other(tmp_path / "b"))
    assert second.tokenizer == first.tokenizer  # the weights differ
    (tmp_path / "b" / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer"}')
    third = made(database, store, tmp_path / "b")
    assert third.tokenizer is not None
    assert third.tokenizer["kind"] == "LlamaTokenizer"
    assert third.tokenizer["digest"] != first.tokenizer["digest"]


def test_an_adapter_has_the_tokenizer_of_its_base(tmp_path: Path) -> None:
    store, folder = tmp_path / "store", tmp_path / "adapter"
    base, found = put(store, model(tmp_path / "a"))
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (folder / "adapter_model.safetensors").write_bytes(safetensors())
    placed = adapters.with_base(folder, base.digest, tmp_path / "placed")
    assert registry.inspect(placed, Task.TEXT_GENERATION, store).tokenizer == found.tokenizer


@pytest.mark.parametrize(
    "change",
    [
        "digest = 'x'",
        "path = 'x'",
        "number = 9",
        """files = '{"model.safetensors": "x"}'""",
        "files = null",
        "source = '{}'",
        "parameters = 7",
        "bytes = 7",
        "tokenizer = null",
    ],
)
def test_what_a_version_was_registered_with_stays(database: Database, tmp_path: Path, change: str) -> None:
    made(database, tmp_path / "store", model(tmp_path / "a"))
    with pytest.raises(IntegrityError, match="immutable"), database.transaction() as session:
        session.execute(text(f"update versions set {change}"))


def test_what_older_code_did_not_keep_is_known_once_it_is_registered_again(
    database: Database, tmp_path: Path
) -> None:
    """Older code wrote neither of these, and the newer schema takes its rows."""
    store, folder = tmp_path / "store", model(tmp_path / "a")
    stored, found = put(store, folder)
    with database.transaction() as session:
        session.add(Deployment(name="assistant", task=Task.TEXT_GENERATION.value))
        session.flush()
        session.execute(
            text(
                "insert into versions (id, deployment, number, digest, path, architecture, parameters)"
                f" values (gen_random_uuid(), 'assistant', 1, '{stored.digest}', '{stored.path}', 'x', 4)"
            )
        )
    again = made(database, store, folder)
    assert (again.number, again.files, again.bytes) == (1, stored.files, stored.bytes)
    assert again.tokenizer == found.tokenizer
