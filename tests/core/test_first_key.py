"""The first key of an installation that no `mainspring up` has made."""

import subprocess
import sys

from mainspring.access import identify
from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.terms import ADMIN, JOBS


def said(settings: Settings, *words: str) -> str:
    settled = settings.as_environment()
    done = subprocess.run(
        [sys.executable, "-m", "mainspring", *words], env=settled, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_is_made_with_the_schema_once(settings: Settings, database: Database) -> None:
    said(settings, "migrate", "--first-key")
    key = said(settings, "key")
    with database.begin() as connection:
        assert {JOBS, ADMIN} <= identify(connection, f"Bearer {key}").scopes
    said(settings, "migrate", "--first-key")
    assert said(settings, "key") == key
