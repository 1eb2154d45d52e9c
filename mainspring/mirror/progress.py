"""What was written already, in rows: a thing is written again when its digest is another one."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.tables import Database, Mirrored


class Kind(StrEnum):
    """`installation`: the one row that says who we are, to whoever shares an MLflow.

    `traces`: up to which observation a version's are there; `worded`: a job whose trace there has what was said.
    """

    INSTALLATION = "installation"
    EXPERIMENT = "experiment"
    VERSION = "version"
    RUN = "run"
    SERIES = "series"
    TRACES = "traces"
    WORDED = "worded"


@dataclass(frozen=True)
class Written:
    """`ref`: what MLflow calls it; `state`: its digest, or of a series the moment, of traces the observation, up to which it is there."""

    ref: str
    state: str


class Progress:
    """Of one round, which is alone with the rows. Each note is a transaction. What is settled is not looked at again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.transaction() as session:
            rows = session.scalars(select(Mirrored).where(~Mirrored.settled)).all()
        self._known = {(row.kind, row.key): Written(row.ref, row.written) for row in rows}

    def installation(self) -> str:
        """Drawn once, and kept as long as the database."""
        found = next((key for kind, key in self._known if kind == Kind.INSTALLATION), None)
        if found is None:
            found = str(uuid4())
            self.note(Kind.INSTALLATION, found, Written("", ""))
        return found

    def known(self, kind: Kind, key: str) -> Written | None:
        return self._known.get((kind, key))

    def note(self, kind: Kind, key: str, written: Written, *, settled: bool = False) -> None:
        values = {
            "ref": written.ref,
            "written": written.state,
            "settled": settled,
            "at": func.clock_timestamp(),
        }
        statement = insert(Mirrored).values(kind=kind.value, key=key, **values)
        with self._database.transaction() as session:
            session.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_=values))
        self._known[kind, key] = written

    def forget(self, kind: Kind, keys: Iterable[str]) -> None:
        gone = list(keys)
        with self._database.transaction() as session:
            session.execute(delete(Mirrored).where(Mirrored.kind == kind.value, Mirrored.key.in_(gone)))
        for key in gone:
            self._known.pop((kind, key), None)

    def is_of(self, experiment: str, identity: str) -> bool:
        """False: MLflow is another one than before, or was wiped. Then nothing was written yet."""
        before = self.known(Kind.EXPERIMENT, experiment)
        if before == Written("", identity):
            return True
        with self._database.transaction() as session:
            _forget_all_but_who_we_are(session)
        self._known = {one: what for one, what in self._known.items() if one[0] == Kind.INSTALLATION}
        self.note(Kind.EXPERIMENT, experiment, Written("", identity))
        return False


def _forget_all_but_who_we_are(session: Session) -> None:
    session.execute(delete(Mirrored).where(Mirrored.kind != Kind.INSTALLATION.value))
