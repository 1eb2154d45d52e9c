"""One round of the mirror, and what is said of it. MLflow is a view: that it is away is no error of ours."""

from datetime import UTC, datetime

from celery import Celery

from mainspring.errors import MirrorAway, MirrorRefused
from mainspring.logs import log
from mainspring.messages import Mirror
from mainspring.mirror import mirror
from workers.app import send
from workers.sweeping import Connections


def mirror_once(app: Celery, use: Connections) -> None:
    with use.rounds.recorded("mirror") as did:
        _mirror(app, use, did)


def _mirror(app: Celery, use: Connections, did: dict[str, int]) -> None:
    try:
        done = mirror(use.database, use.settings, datetime.now(UTC))
    except MirrorAway as away:
        log.warning("mirror.away", detail=away.detail)
        return
    except MirrorRefused as refused:
        log.error("mirror.refused", detail=refused.detail, remedy=refused.remedy)
        return
    if done is None:
        return
    did["written"] = done.written
    if done.refused:
        log.error("mirror.refused", count=len(done.refused), first=done.refused[0])
    if done.written:
        log.info("mirror", written=done.written, anew=done.anew, whole=done.whole)
    if not done.whole and done.written:  # more waits than a round has time for
        send(app, Mirror())
