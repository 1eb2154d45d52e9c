"""Trials, as tests that have no worker make them."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from mainspring.errors import MainspringError
from mainspring.tables import Database, Trial
from mainspring.trials import running
from mainspring.trials.running import Answered, Taken
from tests.api.serving import Hands


def take(database: Database, hands: Hands, version: UUID) -> Taken | None:
    with database.transaction() as session:
        return running.take(session, version, hands.incarnation)


def finish(database: Database, hands: Hands, taken: Taken, end: str | MainspringError) -> bool:
    answer: Any = end
    if isinstance(end, str):
        answer = Answered({"text": end}, {"completion_tokens": 3}, 0.1, 0.5, -1.0)
    with database.transaction() as session:
        return running.finish(session, taken.id, hands.incarnation, answer)


def tried(database: Database, hands: Hands, version: UUID, end: str | MainspringError) -> int:
    """All that wait for it: how many."""
    count = 0
    while (taken := take(database, hands, version)) is not None:
        assert finish(database, hands, taken, end)
        count += 1
    return count


def states(database: Database) -> dict[str, int]:
    with database.transaction() as session:
        rows = session.execute(select(Trial.state, func.count()).group_by(Trial.state))
        return {row[0]: row[1] for row in rows}
