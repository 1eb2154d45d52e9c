"""Weeks of a table that is partitioned by time: made ahead of need, and dropped whole. Names end in their Monday.

Neither is felt by who writes meanwhile: a new week is made beside its table and then attached, an old one is detached
concurrently (SHARE UPDATE EXCLUSIVE on the table, both; PostgreSQL manual, 5.12.2.2 and ALTER TABLE).
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from psycopg.errors import CheckViolation
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

AHEAD = 5  # so many weeks from now there is a place for what ends then, should nobody make more
_LOCK = 4242002  # one maker or dropper at a time
_WEEKS = text(
    "select child.relname from pg_inherits join pg_class child on child.oid = inhrelid"
    " where inhparent = cast(:table as regclass) and not inhdetachpending order by 1"
)
_DETACHING = text(
    "select child.relname from pg_inherits join pg_class child on child.oid = inhrelid"
    " where inhparent = cast(:table as regclass) and inhdetachpending"
)


def ensure(connection: Connection, table: str, now: datetime, weeks: int = AHEAD) -> list[str]:
    """Make what is missing of this week and the following; the names of those that were made. In a transaction."""
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    there = set(connection.scalars(_WEEKS, {"table": table}))
    made = []
    for monday in _mondays(now, weeks):
        name = named(table, monday)
        if name in there:
            continue
        connection.exec_driver_sql(f"create table {name} (like {table} including all)")
        end = monday + timedelta(weeks=1)
        connection.exec_driver_sql(
            f"alter table {table} attach partition {name} for values from ('{monday}Z') to ('{end}Z')"
        )
        made.append(name)
    return made


def drop_before(connection: Connection, table: str, moment: datetime) -> list[str]:
    """Drop the weeks that ended before it; their names. On a connection that commits each statement.

    Killed in between, the next one finishes what it began. Two at once: the second does nothing.
    """
    if not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _LOCK}):
        return []
    try:
        for name in connection.scalars(_DETACHING, {"table": table}).all():
            connection.exec_driver_sql(f"alter table {table} detach partition {name} finalize")
        weeks = connection.scalars(_WEEKS, {"table": table}).all()
        for name in weeks:
            if _ended(table, name) <= moment:
                connection.exec_driver_sql(f"alter table {table} detach partition {name} concurrently")
        return _drop_detached(connection, table, moment)
    finally:
        connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})


def without_place(error: IntegrityError) -> bool:
    """Whether a row was refused since its week is missing: nobody made weeks for longer than they last."""
    refused = error.orig
    return isinstance(refused, CheckViolation) and refused.diag.constraint_name is None


def make_place(engine: Engine, table: str) -> None:
    """What `ensure` makes, in a transaction of its own, whatever else its caller has open."""
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as own, own.begin():
        ensure(own, table, datetime.now(UTC))


def named(table: str, monday: date) -> str:
    return f"{table}_{monday:%Y%m%d}"


def _drop_detached(connection: Connection, table: str, moment: datetime) -> list[str]:
    """Also what a run before had detached and not dropped."""
    loose = connection.scalars(
        text(
            "select relname from pg_class where relkind = 'r' and not relispartition"
            " and relname ~ ('^' || :table || '_[0-9]{8}$') and relnamespace = cast(current_schema() as regnamespace)"
        ),
        {"table": table},
    ).all()
    gone = [name for name in loose if _ended(table, name) <= moment]
    for name in gone:
        connection.exec_driver_sql(f"drop table {name}")
    return gone


def _ended(table: str, name: str) -> datetime:
    monday = datetime.strptime(name.removeprefix(f"{table}_"), "%Y%m%d").replace(tzinfo=UTC)
    return monday + timedelta(weeks=1)


def _mondays(now: datetime, weeks: int) -> Iterator[date]:
    day = now.astimezone(UTC).date()
    first = day - timedelta(days=day.weekday())
    return (first + timedelta(weeks=number) for number in range(weeks + 1))
