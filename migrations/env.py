"""Alembic's entry: `alembic upgrade head`, or mainspring.local.migrate in code. The URL is the settings'."""

from alembic import context
from sqlalchemy import create_engine, pool

from mainspring.endpoints import database_url
from mainspring.settings import Settings
from mainspring.tables import Base


def run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or database_url(Settings())
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=False)
        with context.begin_transaction():
            # Two migrators at once: the second waits, then finds nothing to do.
            connection.exec_driver_sql("select pg_advisory_xact_lock(4242001)")
            context.run_migrations()
    engine.dispose()


run()
