"""A worker compares the jobs that it runs with those that the rows say it holds: again and again, while it claims others."""

import pytest
from sqlalchemy import select

from mainspring.client import Client
from mainspring.settings import Settings
from mainspring.tables import Database, Job

JOBS = 250


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Compared a hundred times a second."""
    return settings.model_copy(update={"renew_seconds": 0.01})


def test_what_is_claimed_meanwhile_is_neither_stopped_nor_counted_as_lost(
    api: Client, database: Database
) -> None:
    jobs = list(api.map("assistant", [f"job {number}" for number in range(JOBS)]))
    assert {job["state"] for job in jobs} == {"succeeded"}
    assert {job["attempt"] for job in jobs} == {1}
    with database.transaction() as session:
        assert set(session.scalars(select(Job.losses))) == {0}
