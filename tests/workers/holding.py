"""A holder as a worker has it, real rows and real folders, with engines that compute nothing."""

from pathlib import Path
from typing import Any
from uuid import UUID

from mainspring.lifecycle import advance
from mainspring.registry import Stored, put
from mainspring.serving import lease
from mainspring.serving.engine import Health
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, HeldVersion, Stage, Version
from tests.core.model_folders import model
from tests.rows import registered
from tests.workers.pretending import Pretending
from workers.engines import Engines
from workers.held import Need
from workers.holder import Holder
from workers.report import Report

MIB = 2**20


class Still(Pretending):
    """It answers nothing; `alive` is what it says of itself."""

    name, capacity = "still", 1

    def __init__(self) -> None:
        self.alive = True

    def health(self) -> Health:
        return Health(alive=self.alive, pending=0, idle_seconds=0.0)


class Store:
    """Models, the versions that they become, and a holder of these."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database, self.settings = database, settings
        self.consumed: set[str] = set()
        self._holders: list[Holder] = []
        with database.transaction() as session:
            self.incarnation = lease.begin(session, "infer", 600)

    def put(self, folder: Path) -> Stored:
        names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
        return put(self.settings.store, folder, names)

    def folder(self, name: str, **config: Any) -> Path:
        return model(self.settings.home.parent / "models" / name, {"name": name} | config)

    def version(self, name: str, stored: Stored | None = None, number: int = 1, **source: Any) -> UUID:
        """In production, of a deployment of that name."""
        stored = stored or self.put(self.folder(f"{name}-{number}"))
        with self.database.transaction() as session:
            if number == 1:
                session.add(Deployment(name=name, task="text-generation"))
                session.flush()
            kept = {"digest": stored.digest, "path": stored.path, "files": stored.files}
            version = registered(session, name, number, source=source, **kept)
            if number == 1:
                advance(session, version, Stage.PRODUCTION, actor="test", reason="the first")
            return version.id

    def advance(self, version: UUID, *stages: Stage) -> None:
        with self.database.transaction() as session:
            for stage in stages:
                advance(session, session.get_one(Version, version), stage, actor="test", reason="a test")

    def place(self, version: UUID) -> Path:
        with self.database.transaction() as session:
            return self.settings.store / session.get_one(Version, version).path

    def holder(self, **given: Any) -> Holder:
        usual = {"load": lambda *_: Still(), "needs": lambda *_: Need(MIB), "budget_bytes": 1 << 30}
        made = Holder(
            self.database,
            self.settings,
            Report(self.database, lambda: self.incarnation),
            Engines(**(usual | given)),
            consume=self.consumed.add,
            ignore=self.consumed.discard,
        )
        self._holders.append(made)
        return made

    def close(self) -> None:
        for holder in self._holders:
            holder.close(0)

    def said(self, version: UUID) -> tuple[str, str]:
        """What the worker says of it: state and reason."""
        with self.database.transaction() as session:
            row = session.get(HeldVersion, (self.incarnation, version))
            return ("nothing", "") if row is None else (row.state, row.reason or "")

    def refusal(self, version: UUID) -> str:
        """Of which kind it is."""
        with self.database.transaction() as session:
            return str(session.get_one(HeldVersion, (self.incarnation, version)).engine["refusal"])


def flip(path: Path) -> None:
    """One bit of one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def unreadable(path: Path) -> None:
    """It can be opened, and reading it is an input/output error, as with a disk that fails."""
    path.unlink()
    path.symlink_to("/proc/self/mem")
