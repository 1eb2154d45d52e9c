"""What is known of how versions run on this machine; what a load has measured anew is kept."""

from dataclasses import dataclass
from uuid import UUID

from mainspring.serving.engine import Engine, Plan
from mainspring.serving.plans import keep_plan, known_plan
from mainspring.tables import Database


@dataclass(frozen=True)
class Plans:
    """`machine`: as engines name it that measure."""

    database: Database
    machine: str

    def known(self, version_id: UUID, asked: str) -> Plan | None:
        with self.database.transaction() as session:
            return known_plan(session, version_id, self.machine, asked)

    def keep(self, version_id: UUID, asked: str, engine: Engine) -> None:
        if engine.plan is not None:
            with self.database.transaction() as session:
                keep_plan(session, version_id, self.machine, asked, engine.plan)
