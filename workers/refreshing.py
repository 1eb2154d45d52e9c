"""One round of the refreshes: a transaction for each, then the nudge that follows from it; and of what else is to be judged."""

from datetime import UTC, datetime

from celery import Celery

from mainspring.logs import log
from mainspring.messages import Train
from mainspring.refresh.judging import judge_one, unjudged
from mainspring.refresh.stepping import open_ones, step
from mainspring.refresh.taking import take
from workers.app import send
from workers.sweeping import Connections

MOST_STEPS = 8  # of one refresh in a round: more states than it can go through at once


def refresh_once(app: Celery, use: Connections) -> None:
    """Each as far as it gets."""
    with use.rounds.recorded("refresh") as did:
        with use.database.transaction() as session:
            for begun in take(session):
                did["begun"] += 1
                log.info("refresh.begun", refresh=str(begun.id), deployment=begun.deployment)
            going = open_ones(session)
        for one in going:
            more = MOST_STEPS
            while more:
                with use.database.transaction() as session:
                    stepped = step(session, one, datetime.now(UTC))
                if stepped.work:
                    send(app, Train(str(one)))
                did["moved"] += stepped.moved
                more = more - 1 if stepped.moved else 0
        with use.database.transaction() as session:
            waiting = unjudged(session)
        for one in waiting:
            with use.database.transaction() as session:
                did["judged"] += judge_one(session, one)
