"""What this worker says of the versions it should hold, in rows that `status` and the API read."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from mainspring.serving.engine import Engine
from mainspring.tables import Database, HeldVersion, Refusal


class Report:
    """Under the incarnation that lives at the moment of speaking. `asked`: the engine of the deployment's policy."""

    def __init__(self, database: Database, incarnation: Callable[[], UUID]) -> None:
        self._database, self._incarnation = database, incarnation
        self._said: dict[UUID, dict[str, Any]] = {}

    def loading(self, version_id: UUID, asked: str, memory_bytes: int) -> None:
        self._say(
            version_id, state="loading", reason=None, engine={"asked": asked}, memory_bytes=memory_bytes
        )

    def ready(self, version_id: UUID, asked: str, memory_bytes: int, engine: Engine) -> None:
        serving = {"asked": asked, "name": engine.name, "capacity": engine.capacity}
        if engine.plan is not None:
            serving |= {"threads": engine.plan.threads, "dtype": engine.plan.dtype}
        self._say(version_id, state="ready", reason=None, engine=serving, memory_bytes=memory_bytes)

    def refused(self, version_id: UUID, asked: str, reason: str, kind: Refusal, lasted: float) -> None:
        engine = {"asked": asked, "refusal": kind.value, "lasted": round(lasted, 1)}
        self._say(version_id, state="refused", reason=reason, engine=engine, memory_bytes=0)

    def gone(self, version_id: UUID) -> None:
        self._said.pop(version_id, None)
        with self._database.transaction() as session:
            session.execute(
                delete(HeldVersion).where(
                    HeldVersion.incarnation == self._incarnation(), HeldVersion.version_id == version_id
                )
            )

    def again(self) -> None:
        """After a rebirth: the new incarnation holds what the old one held."""
        for version_id, values in list(self._said.items()):
            self._say(version_id, **values)

    def _say(self, version_id: UUID, **values: Any) -> None:
        self._said[version_id] = values
        key = {"incarnation": self._incarnation(), "version_id": version_id}
        with self._database.transaction() as session:
            session.execute(
                insert(HeldVersion)
                .values(**key, **values)
                .on_conflict_do_update(index_elements=list(key), set_={**values, "updated_at": func.now()})
            )
