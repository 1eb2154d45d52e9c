"""Give the detectors what was looked at since, each request once; raise the alarm when one of them has seen enough.

A pass is one transaction for a version and a thousand requests: killed in between, it has not been; two at once, the
second finds the version taken. After an alarm all detectors of the version begin anew.

Detectors are megabytes, so between passes they stay in this process, and their row is written now and then. Whoever has
none in memory, or older ones, begins from the row and is given again what came since: it ends where the others are, since
what a detector draws depends on its seed and on the request's place alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.monitor import alarms, readings, reference
from mainspring.monitor.arrays import Arrays, packed, unpacked
from mainspring.monitor.batch import Batch, after, said
from mainspring.monitor.detectors import Detectors
from mainspring.monitor.plan import DriftPlan, drift_plan
from mainspring.tables import Deployment, DriftWatch, Reference, Stage, Version, constant

MOST = 1000  # requests a pass
QUIET = 2  # times the reference's size without a crossing: an open alarm is over
KEEP_SECONDS, KEEP_REQUESTS = 60, 2000  # after whichever is first, the row is written
_LIVE = (constant(Stage.PRODUCTION), constant(Stage.CANARY))


@dataclass(frozen=True)
class Detected:
    """`more`: there may be requests that the detectors have not been given."""

    requests: int = 0
    alarm: UUID | None = None
    more: bool = False


@dataclass
class Standing:
    """Detectors in memory: of which life of a watch, what they were given last, and how many in all."""

    arrays: Arrays
    detectors: Detectors
    restarts: int
    seq: int
    requests: int


@dataclass
class Memory:
    """What this process knows by heart, by reference. Not thread-safe: one pass at a time for each version."""

    standing: dict[UUID, Standing] = field(default_factory=dict)

    def of(self, normal: Reference, watch: DriftWatch, plan: DriftPlan) -> Standing:
        known = self.standing.get(normal.id)
        if known is None or known.restarts != watch.restarts or known.seq < watch.seq:
            known = self.standing[normal.id] = _from_row(normal, watch, plan)
        return known


def watched(session: Session) -> Sequence[UUID]:
    """The versions whose traffic is compared with what was normal."""
    return session.scalars(select(Version.id).where(Version.stage.in_(_LIVE)).order_by(Version.id)).all()


def detect(session: Session, version_id: UUID, memory: Memory) -> Detected:
    """One pass for one version."""
    version = session.get_one(Version, version_id)
    plan = drift_plan(session.get_one(Deployment, version.deployment).policy)
    normal = reference.current(session, version_id)
    if normal is None:
        return _begin(session, version, plan)
    watch = session.scalar(
        select(DriftWatch).where(DriftWatch.reference_id == normal.id).with_for_update(skip_locked=True)
    )
    if watch is None:
        return Detected()
    standing = memory.of(normal, watch, plan)
    batch = after(session.connection(), version_id, standing.seq, MOST)
    if not len(batch):
        return Detected()
    # Should this transaction fail, what is in memory has gone on without it.
    del memory.standing[normal.id]
    found = _take(session, alarms.Watched(version, normal, standing.arrays, watch), standing, batch)
    if found.alarm is None:
        memory.standing[normal.id] = standing
    return found


def begin_watch(session: Session, version: Version, normal: Reference) -> None:
    """From the reference's last request on. What was raised beside another reference is over."""
    alarms.end(session, version, "there is a new reference")
    session.add(DriftWatch(reference_id=normal.id, seq=normal.last_seq, latest_seq=normal.last_seq))
    session.flush()


def _begin(session: Session, version: Version, plan: DriftPlan) -> Detected:
    session.execute(select(Version.id).where(Version.id == version.id).with_for_update(key_share=True))
    if reference.current(session, version.id) is not None:
        return Detected(more=True)
    made = reference.begin(session, version, plan.reference)
    if made is None:
        return Detected()
    begin_watch(session, version, made)
    return Detected(more=True)


def _from_row(normal: Reference, watch: DriftWatch, plan: DriftPlan) -> Standing:
    arrays = unpacked(normal.content)
    if watch.content is None:
        detectors = Detectors.make(
            arrays, plan.alpha, plan.risk_tolerance, f"{normal.id} {watch.restarts}".encode()
        )
    else:
        detectors = Detectors.restore(unpacked(watch.content))
    return Standing(arrays, detectors, watch.restarts, watch.seq, watch.requests)


def _take(session: Session, of: alarms.Watched, standing: Standing, batch: Batch) -> Detected:
    watch, detectors = of.watch, standing.detectors
    heard = said(session.connection(), of.version.id, standing.seq, batch.seqs[-1])
    crossing = detectors.take(batch, heard)
    taken = len(batch) if crossing is None else crossing.place + 1
    standing.seq, standing.requests = batch.seqs[taken - 1], standing.requests + taken
    watch.latest_seq, watch.latest_requests = standing.seq, standing.requests
    readings.keep(session, watch, detectors.watching, batch.moments[taken - 1])
    if crossing is not None:
        alarm = alarms.raise_alarm(session, of, batch, crossing, detectors).id
        _keep(watch, standing, None)
        watch.latest_requests, watch.requests, watch.restarts = 0, 0, watch.restarts + 1
        return Detected(taken, alarm, more=True)
    alarms.follow(session, of)
    if _due(watch, standing):
        _keep(watch, standing, packed(detectors.state()))
    if standing.requests >= QUIET * of.normal.size:
        alarms.end(session, of.version, f"nothing crossed in the {standing.requests} requests since")
    return Detected(taken, more=len(batch) == MOST)


def _due(watch: DriftWatch, standing: Standing) -> bool:
    late = datetime.now(UTC) >= watch.updated_at + timedelta(seconds=KEEP_SECONDS)
    return late or standing.requests - watch.requests >= KEEP_REQUESTS


def _keep(watch: DriftWatch, standing: Standing, content: bytes | None) -> None:
    watch.content, watch.seq, watch.requests = content, standing.seq, standing.requests
    watch.updated_at = datetime.now(UTC)
