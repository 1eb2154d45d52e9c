"""What beat asks of an ops worker that watches: look at what has ended, give it to the detectors, decide, count."""

from datetime import UTC, datetime

from mainspring.figures.rollup import roll_up
from mainspring.kept.keys import NO_KEY
from mainspring.kept.writing import fill, keep
from mainspring.logs import log
from mainspring.monitor import alarms, classical, deciding, detect, making
from mainspring.observe.look import look
from mainspring.tables import Making, Version
from workers.sweeping import Connections

MOST_PASSES = 40  # a round: what is left waits for the next


def observe_once(use: Connections) -> None:
    """Until nobody waits, or for so many passes."""
    with use.rounds.recorded("observe") as did:
        more = True
        while more and did["passes"] < MOST_PASSES:
            with use.database.begin() as connection:
                looked = look(connection, use.eyes)
                kept = keep(connection, use.keys, looked.jobs)
            did["kept"] += kept.kept
            did["unkept"] += kept.waiting
            more = looked.more
            did["passes"] += 1
            did["seen"] += looked.seen
            did["encoded"] += looked.encoded
            did["heard"] += looked.heard
        with use.database.begin() as connection:
            did["kept"] += fill(connection, use.keys)
        if did["unkept"]:
            log.error("texts.unkept", count=did["unkept"], remedy=NO_KEY)


def refer_once(use: Connections) -> None:
    """Until none is asked for, or one has to wait."""
    with use.rounds.recorded("refer") as did:
        while (found := making.make(use.database, use.eyes)) is not None:
            did[found.value] += 1
            log.info("reference.round", state=found.value)
            if found is Making.WAITING:
                return


def detect_once(use: Connections) -> None:
    """Each version that answers, pass by pass.

    One round at a time in a process, since they share its memory; another that is due meanwhile is left out, not waited for:
    its thread is needed by others.
    """
    if not use.detecting.acquire(blocking=False):
        return
    try:
        _detect(use)
    finally:
        use.detecting.release()


def _detect(use: Connections) -> None:
    with use.rounds.recorded("detect") as did:
        with use.database.transaction() as session:
            versions = detect.watched(session)
            alarms.end_of_gone(session, versions)
        use.detectors.keep_only(versions)
        for version in versions:
            more, passes = True, 0
            while more and passes < MOST_PASSES:
                passes += 1
                with use.database.transaction() as session:
                    found = detect.detect(session, version, use.detectors)
                more = found.more
                did["passes"] += 1
                did["requests"] += found.requests
                if found.alarm is not None:
                    did["alarms"] += 1
                    log.warning("drift.alarm", alarm=str(found.alarm), version=str(version))
            with use.database.transaction() as session:
                did["readings"] += classical.read(
                    session, session.get_one(Version, version), datetime.now(UTC)
                )


def roll_up_once(use: Connections) -> None:
    """Until no hour has changed, or for so many passes."""
    with use.rounds.recorded("rollup") as did:
        more = True
        while more and did["passes"] < MOST_PASSES:
            with use.database.begin() as connection:
                rolled = roll_up(connection)
            more = rolled.more
            did["passes"] += 1
            did["hours"] += rolled.hours
            did["observations"] += rolled.observations
            did["feedback"] += rolled.feedback


def decide_once(use: Connections) -> None:
    """Each deployment in a transaction of its own."""
    with use.rounds.recorded("decide") as did:
        with use.database.transaction() as session:
            names = deciding.deployments(session)
        for name in names:
            with use.database.transaction() as session:
                decision = deciding.decide_for(session, name, datetime.now(UTC))
            if decision is not None and decision.trigger is not None:
                did["requested"] += 1
                log.warning("retraining.requested", deployment=name, trigger=decision.trigger)
