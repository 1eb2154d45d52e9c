"""One round in which kept texts leave, and those that stay are locked with the newest key."""

from datetime import UTC, datetime

from mainspring.kept.leaving import forget, lock_anew
from mainspring.logs import log
from workers.sweeping import Connections


def forget_once(use: Connections) -> None:
    with use.rounds.recorded("forget") as did:
        did["forgotten"] = forget(use.database, datetime.now(UTC))
        did["locked_anew"] = lock_anew(use.database, use.keys)
    if any(did.values()):
        log.info("texts", **did)
