"""One round of the judge: a transaction for each deployment, then the notices and messages that follow from it."""

from collections import Counter

from celery import Celery
from redis.exceptions import RedisError

from mainspring.logs import log
from mainspring.messages import Answer, TryOut
from mainspring.release import beat, draining, strays
from mainspring.release.holdable import tell_unheld
from mainspring.serving import stream
from mainspring.serving.sweep import MOST_NUDGES
from mainspring.trials import asking, running
from workers.app import send
from workers.sweeping import Connections, lengths


def judge_once(app: Celery, use: Connections) -> None:
    with use.rounds.recorded("judge"):
        _judge(app, use)


def _judge(app: Celery, use: Connections) -> None:
    with use.database.transaction() as session:
        deployments = beat.open_deployments(session)
    changed, moved = False, Counter[str]()
    for deployment in deployments:
        with use.database.transaction() as session:
            found = beat.judge(session, deployment)
        changed = changed or found.changed
        moved.update(found.moved)
        for said in found.said:
            log.info("rollout.judged", deployment=deployment, said=said)
    with use.database.transaction() as session:
        unheld = tell_unheld(session)
    for version, reason in unheld:
        log.error("version.unheld", version=version, reason=reason)
    with use.database.transaction() as session:
        retired = draining.retire_drained(session)
    with use.database.transaction() as session:
        moved.update(strays.take_in_strays(session))
    with use.database.transaction() as session:
        running.requeue_lost(session)
        asking.drop_unwanted(session)
        tried = [TryOut(str(version)) for version in asking.unfinished(session)]
    for message, live in zip(tried, lengths(use.redis, [one.queue for one in tried]), strict=True):
        if not live:  # else the one before was not taken yet
            send(app, message)
    for version, count in moved.items():
        for _ in range(min(count, MOST_NUDGES)):
            send(app, Answer(version, ""))
    if changed or retired:
        log.info("versions.changed", retired=retired)
        _tell(use)


def _tell(use: Connections) -> None:
    """Infer workers look at once; without the notice they look a little later."""
    try:
        use.redis.publish(stream.VERSIONS, "changed")
    except RedisError as error:
        log.warning("judge.untold", error=type(error).__name__)
