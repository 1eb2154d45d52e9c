"""Files of versions that nothing needs are deleted after a while, and no others; the rows stay."""

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from mainspring import registry
from mainspring.errors import Conflict
from mainspring.registry import sharing
from mainspring.release import leaving
from mainspring.release.back import go_back
from mainspring.release.retention import retain
from mainspring.serving.accept import accept
from mainspring.serving.receipt import Submission
from mainspring.tables import ChatSession, Database, Deployment, Event, Job, Stage, Task, Version
from tests.core.model_folders import model, safetensors
from tests.core.test_registry import made
from tests.rows import caller

AT_ONCE = {"drain": {"delete_seconds": 0}}


def another(folder: Path, values: int) -> Path:
    model(folder)
    (folder / "model.safetensors").write_bytes(safetensors(values))
    return folder


class Store:
    """`assistant` with three versions, of which the first two have been replaced and are retired."""

    def __init__(self, database: Database, folder: Path, policy: dict[str, Any]) -> None:
        self.database, self.path, self.folder = database, folder / "store", folder
        self.versions = [
            made(database, self.path, another(folder / str(number), number)) for number in (1, 2, 3)
        ]
        with database.transaction() as session:
            session.get_one(Deployment, "assistant").policy = policy
            for version in self.versions[:2]:
                leaving.retire_version(session, self.row(session, version), actor="test", reason="old")
        self.age()

    @staticmethod
    def row(session: Any, version: Version) -> Version:
        found: Version = session.get_one(Version, version.id)
        return found

    def age(self) -> None:
        """As if nobody had stored them lately."""
        for version in self.versions:
            os.utime(self.path / version.path, (0, 0))

    def retain(self) -> list[str]:
        return retain(self.database, self.path)

    def kept(self) -> list[int]:
        return [one.number for one in self.versions if (self.path / one.path).is_dir()]


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    return Store(database, tmp_path, AT_ONCE)


def test_what_left_long_ago_goes_but_not_where_the_way_back_leads(store: Store) -> None:
    assert store.retain() == ["assistant@1"]
    assert store.kept() == [2, 3]
    assert store.retain() == []
    shared = {path.name for path in (store.path / sharing.FILES).iterdir()}
    assert shared == {digest for one in store.versions[1:] for digest in (one.files or {}).values()}
    with store.database.transaction() as session:
        told = session.scalars(select(Event).where(Event.kind == "version.deleted")).one()
        assert (told.about, told.inputs["digest"]) == ("assistant@1", store.versions[0].digest)
        assert go_back(session, "assistant", actor="test", reason="back").version.number == 2


def test_not_before_its_time_and_never_where_the_policy_says_so(database: Database, tmp_path: Path) -> None:
    store = Store(database, tmp_path, {})  # thirty days
    assert store.retain() == []
    with database.transaction() as session:
        session.get_one(Deployment, "assistant").policy = {"drain": {"delete_seconds": None}}
    assert store.retain() == []
    assert store.kept() == [1, 2, 3]


def test_not_while_a_job_or_a_conversation_needs_it(store: Store) -> None:
    with store.database.transaction() as session:
        asked = Submission("assistant", "hello", session="talk")
        job = session.get_one(Job, accept(session.connection(), caller(session), asked).job_id)
        job.version_id = store.versions[0].id
        talk = session.scalars(select(ChatSession)).one()
        talk.version_id = store.versions[0].id
    assert store.retain() == []
    with store.database.transaction() as session:
        session.delete(session.get_one(Job, job.id))
    assert store.retain() == []
    with store.database.transaction() as session:
        session.scalars(select(ChatSession)).one().version_id = store.versions[2].id
    assert store.retain() == ["assistant@1"]


def test_not_while_another_version_has_the_same_files(store: Store) -> None:
    same = store.folder / "1"
    twin = made(store.database, store.path, same, "twin")
    os.utime(store.path / twin.path, (0, 0))
    assert store.retain() == ["assistant@1"]  # of that deployment it is gone
    assert store.kept() == [1, 2, 3]


def test_what_was_just_stored_waits_and_goes_the_next_time(store: Store) -> None:
    """Its version's row may be being written."""
    os.utime(store.path / store.versions[0].path)
    assert store.retain() == ["assistant@1"]
    assert store.kept() == [1, 2, 3]
    store.age()
    assert store.retain() == []
    assert store.kept() == [2, 3]


def test_deleted_it_cannot_come_back_until_it_is_registered_again(store: Store) -> None:
    store.retain()
    first = store.versions[0]
    with pytest.raises(Conflict, match="no longer kept"), store.database.transaction() as session:
        go_back(session, "assistant", store.row(session, first), actor="test", reason="back")
    found = registry.inspect(store.folder / "1", Task.TEXT_GENERATION)
    stored = registry.put(store.path, store.folder / "1", found.files)
    with store.database.transaction() as session:
        again = registry.register(session, "assistant", stored, found, {}, actor="test", reason="again")
        assert (again.number, again.stage, again.deleted_at) == (1, Stage.RETIRED, None)
        assert go_back(session, "assistant", again, actor="test", reason="back").version.number == 1


def test_registered_again_it_is_kept_from_then_on(store: Store) -> None:
    """It left long ago; what brought its files back wants them."""
    assert store.retain() == ["assistant@1"]
    policy = {"drain": {"delete_seconds": 3600}}
    with store.database.transaction() as session:
        session.get_one(Deployment, "assistant").policy = policy
        session.execute(text("update versions set stage_at = now() - interval '2 hours'"))
    found = registry.inspect(store.folder / "1", Task.TEXT_GENERATION)
    stored = registry.put(store.path, store.folder / "1", found.files)
    with store.database.transaction() as session:
        registry.register(session, "assistant", stored, found, {}, actor="test", reason="again")
    store.age()
    assert store.retain() == []
    assert store.kept() == [1, 2, 3]
    with store.database.transaction() as session:
        session.execute(text("update versions set registered_at = now() - interval '2 hours'"))
    assert store.retain() == ["assistant@1"]
