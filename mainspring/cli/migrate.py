"""`mainspring migrate`: bring the schema to this release; `up` does it by itself."""

from mainspring.settings import Settings


def migrate() -> None:
    """Migrate the database that the settings name. Safe to run twice at once."""
    from mainspring.local.migrate import upgrade

    upgrade(Settings())
