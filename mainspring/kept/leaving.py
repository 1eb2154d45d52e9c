"""Kept texts leave when their time is over: that of the policy under which they were kept, or of today's if it is shorter."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, exists, or_, select, true
from sqlalchemy.orm import Session

from mainspring.kept.keys import Keys
from mainspring.kept.plan import TextPlan, text_plan
from mainspring.kept.writing import renew
from mainspring.tables import Database, Deployment, KeptText

MOST = 1000  # a transaction


def over(plan: TextPlan | None, now: datetime) -> ColumnElement[bool]:
    """Whether a text of a deployment whose policy has this plan is past its time. Without a plan nothing is kept."""
    if plan is None:
        return true()
    return or_(KeptText.leaves_at <= now, KeptText.at <= now - timedelta(days=plan.days))


def forget(database: Database, now: datetime) -> int:
    """How many have left. Some at a time, so that nobody waits for it."""
    with database.transaction() as session:
        plans = _plans(session)
    gone = 0
    for name, plan in plans:
        some = MOST
        while some == MOST:
            with database.begin() as connection:
                some = _leave(connection, name, plan, now)
            gone += some
    return gone


def lock_anew(database: Database, keys: Keys) -> int:
    """With the newest key, all that an older one has locked; how many."""
    renewed, after = 0, None
    while True:
        with database.begin() as connection:
            some, after = renew(connection, keys, after)
        if after is None:
            return renewed
        renewed += some


def _plans(session: Session) -> list[tuple[str, TextPlan | None]]:
    """Of the deployments that have something kept."""
    found = session.execute(
        select(Deployment.name, Deployment.policy)
        .where(exists().where(KeptText.deployment == Deployment.name))
        .order_by(Deployment.name)
    )
    return [(name, text_plan(policy)) for name, policy in found]


def _leave(connection: Connection, name: str, plan: TextPlan | None, now: datetime) -> int:
    some = (
        select(KeptText.job_id)
        .where(KeptText.deployment == name, over(plan, now))
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(delete(KeptText).where(KeptText.job_id.in_(some))).rowcount
