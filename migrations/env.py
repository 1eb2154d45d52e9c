"""Alembic's entry: `alembic upgrade head`, or mainspring.local.migrate in code. The URL is the settings'."""

import re
from typing import Any

from alembic import context
from sqlalchemy import create_engine, pool

from mainspring.endpoints import database_url
from mainspring.settings import Settings
from mainspring.tables import Base

_WEEK = re.compile(r"observations_\d{8}")


def _not_a_week(name: str | None, kind: str, _parents: Any) -> bool:
    """Partitions come and go without migrations: see mainspring/tables/partitions.py."""
    return kind != "table" or name is None or _WEEK.fullmatch(name) is None


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or database_url(Settings())
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_server_default=False,
            include_name=_not_a_week,
        )
        with context.begin_transaction():
            # Two migrators at once: the second waits, then finds nothing to do.
            connection.exec_driver_sql("select pg_advisory_xact_lock(4242001)")
            context.run_migrations()
    engine.dispose()


run()
