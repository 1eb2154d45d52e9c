"""Alembic in code: works from an installed checkout, wherever the current folder is."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

import migrations
from mainspring.endpoints import database_url
from mainspring.settings import Settings


def configuration(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Safe to run twice at once."""
    command.upgrade(configuration(database_url(settings)), revision)


def downgrade(settings: Settings, revision: str = "base") -> None:
    command.downgrade(configuration(database_url(settings)), revision)


def current(settings: Settings) -> str | None:
    """The schema's revision; None when there is none yet."""
    engine = create_engine(database_url(settings))
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found: str | None = connection.scalar(text("select version_num from alembic_version"))
            return found
    finally:
        engine.dispose()


def head() -> str | None:
    """The revision that this code wants."""
    return ScriptDirectory.from_config(configuration("")).get_current_head()
