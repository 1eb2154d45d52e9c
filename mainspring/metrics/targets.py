"""The rows by which Prometheus finds the processes: its HTTP service discovery reads what `targets` returns."""

from datetime import timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from typing_extensions import TypedDict

from mainspring.tables import ScrapeTarget

SAY_SECONDS = 15.0  # between two words of a process
_SILENT = timedelta(seconds=4 * SAY_SECONDS)  # who says nothing for so long is not there any more
_FOUND = (
    select(ScrapeTarget.role, ScrapeTarget.host, ScrapeTarget.address)
    .where(ScrapeTarget.seen_at > func.now() - _SILENT)
    .order_by(ScrapeTarget.role, ScrapeTarget.host, ScrapeTarget.address)
)


class Group(TypedDict):
    """As https://prometheus.io/docs/prometheus/latest/http_sd has it."""

    targets: list[str]
    labels: dict[str, str]


def announce(connection: Connection, process: UUID, role: str, host: str, address: str) -> None:
    """That the process lives; whoever was killed without a word is cleared away on the occasion."""
    row = {"id": process, "role": role, "host": host, "address": address}
    connection.execute(
        insert(ScrapeTarget)
        .values(**row)
        .on_conflict_do_update(index_elements=["id"], set_={**row, "seen_at": func.now()})
    )
    connection.execute(delete(ScrapeTarget).where(ScrapeTarget.seen_at < func.now() - 2 * _SILENT))


def withdraw(connection: Connection, process: UUID) -> None:
    connection.execute(delete(ScrapeTarget).where(ScrapeTarget.id == process))


def targets(connection: Connection) -> list[Group]:
    """Those that spoke lately, with their role and host as labels."""
    rows = connection.execute(_FOUND).all()
    return [
        {"targets": [row.address for row in group], "labels": {"role": role, "host": host}}
        for (role, host), group in groupby(rows, key=lambda row: (row.role, row.host))
    ]
