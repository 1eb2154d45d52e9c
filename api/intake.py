"""Jobs that arrive at the same time are accepted together: one transaction and one flush to disk for all of them.

While one batch is being stored the next one gathers, so under load the batches grow and a job costs a fraction of what
it costs alone. A batch waits a moment for as many as came last time, since whoever has just been answered tends to come
again: without that, the first of them would go alone and the others behind it. A job that is alone waits for nobody and
takes the shortest road, a statement a step.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from api.nudge import Nudger
from api.problems import DATABASE_AWAY
from mainspring.access import Caller, identify
from mainspring.errors import MainspringError
from mainspring.messages import Answer
from mainspring.serving.accept import accept
from mainspring.serving.bulk import accept_each
from mainspring.serving.receipt import Receipt, Submission
from mainspring.tables import Database
from mainspring.terms import JOBS

MOST_TOGETHER = 128
MOMENT = 0.002  # seconds
Outcome = Receipt | MainspringError | DBAPIError


class _Asked(NamedTuple):
    authorization: str
    submission: Submission


class _Gathering:
    """A batch that is still open; `stored` gives the outcomes in the order of `asked`."""

    stored: asyncio.Task[list[Outcome]]

    def __init__(self) -> None:
        self.asked: list[_Asked] = []
        self.enough = asyncio.Event()


class Intake:
    """Of one event loop. It takes submissions of one row each: no session, webhook or idempotency key."""

    def __init__(self, database: Database, nudger: Nudger) -> None:
        self._database, self._nudger = database, nudger
        self._one_at_a_time = asyncio.Lock()
        self._limiter = CapacityLimiter(1)
        self._gathering: _Gathering | None = None
        self._last = 1  # how many came together last time

    async def accept(self, authorization: str, submission: Submission) -> Receipt:
        """Has committed when it returns. Raises Unauthenticated, Forbidden, what accept raises, DBAPIError."""
        batch = self._gathering
        if batch is None or len(batch.asked) == MOST_TOGETHER:
            batch = self._gathering = _Gathering()
            batch.stored = asyncio.create_task(self._store(batch))
        place = len(batch.asked)
        batch.asked.append(_Asked(authorization, submission))
        if len(batch.asked) >= self._last:
            batch.enough.set()
        # Shielded: a client that leaves must not take the others' jobs along.
        outcome = (await asyncio.shield(batch.stored))[place]
        if isinstance(outcome, Receipt):
            return outcome
        raise outcome

    async def _store(self, batch: _Gathering) -> list[Outcome]:
        async with self._one_at_a_time:
            with suppress(TimeoutError):
                async with asyncio.timeout(MOMENT):
                    await batch.enough.wait()
            self._last = len(batch.asked)
            if self._gathering is batch:
                self._gathering = None
            return await to_thread.run_sync(self._accepted, batch.asked, limiter=self._limiter)

    def _accepted(self, asked: Sequence[_Asked]) -> list[Outcome]:
        """Raises what says that the database is away."""
        outcomes = self._together(asked) if len(asked) > 1 else [self._alone(asked[0])]
        for outcome in outcomes:
            if isinstance(outcome, Receipt):
                self._nudger.send(Answer(str(outcome.version_id), str(outcome.job_id)))
        return outcomes

    def _together(self, asked: Sequence[_Asked]) -> list[Outcome]:
        try:
            with self._database.begin() as connection:
                keys = {one.authorization for one in asked}
                callers = {key: _caller(connection, key) for key in keys}
                pairs = [
                    (caller, one.submission) if isinstance(caller, Caller) else caller
                    for one in asked
                    for caller in (callers[one.authorization],)
                ]
                return [*accept_each(connection, pairs)]
        except DBAPIError as error:
            if isinstance(error, DATABASE_AWAY):
                raise
            return [self._alone(one) for one in asked]  # one row was refused: the others are not

    def _alone(self, asked: _Asked) -> Outcome:
        try:
            with self._database.each() as connection:
                caller = identify(connection, asked.authorization)
                caller.require(JOBS)
                return accept(connection, caller, asked.submission)
        except (MainspringError, DBAPIError) as error:
            return error


def _caller(connection: Connection, authorization: str) -> Caller | MainspringError:
    """Who may submit jobs, or why not."""
    try:
        caller = identify(connection, authorization)
        caller.require(JOBS)
    except MainspringError as error:
        return error
    return caller
