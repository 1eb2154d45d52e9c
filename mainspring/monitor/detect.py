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

from mainspring.monitor import alarms, prompted, readings, reference
from mainspring.monitor.arrays import Arrays, packed, unpacked
from mainspring.monitor.batch import Batch, after, first_said, said
from mainspring.monitor.detectors import Detectors
from mainspring.monitor.plan import DriftPlan, drift_plan
from mainspring.monitor.watchers import Losses
from mainspring.tables import Deployment, DriftWatch, Reference, Stage, Version, constant

MOST = 1000  # requests a pass
QUIET = 2  # times the reference's size without a crossing: an open alarm is over
RESTS = 4  # a confirmed alarm lets a quarter of the reference's size pass unwatched, then a half, and at last all of it
KEEP_SECONDS, KEEP_REQUESTS = 3600, 4000  # after whichever is first, the row is written: megabytes
_LIVE = (constant(Stage.PRODUCTION), constant(Stage.CANARY))


@dataclass(frozen=True)
class Detected:
    """`more`: there may be requests that the detectors have not been given."""

    requests: int = 0
    alarm: UUID | None = None
    more: bool = False


@dataclass
class Standing:
    """Detectors in memory: of which reference, which life of a watch, what they were given last, how many in all."""

    reference: UUID
    arrays: Arrays
    detectors: Detectors
    restarts: int
    seq: int
    requests: int


@dataclass
class Memory:
    """What this process knows by heart, by version. Not thread-safe: one pass at a time for each version."""

    standing: dict[UUID, Standing] = field(default_factory=dict)

    def of(self, session: Session, normal: Reference, watch: DriftWatch, plan: DriftPlan) -> Standing:
        known = self.standing.get(normal.version_id)
        if known is None or known.reference != normal.id:
            return _from_row(session, normal, watch, plan, unpacked(normal.content))
        if known.restarts != watch.restarts or known.seq < watch.seq:
            return _from_row(session, normal, watch, plan, known.arrays)
        return known

    def keep_only(self, versions: Sequence[UUID]) -> None:
        """Megabytes each: those of versions that have left go."""
        for gone in self.standing.keys() - set(versions):
            del self.standing[gone]


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
    standing = memory.of(session, normal, watch, plan)
    # Should this transaction fail, what is in memory has gone on without it.
    memory.standing.pop(version_id, None)
    if normal.awaits_traffic:
        normal, watch = _completed(session, version, normal, watch, standing=standing, plan=plan)
    batch = after(session.connection(), version_id, standing.seq, watch.resting or MOST)
    found = Detected()
    if len(batch):
        of = alarms.Watched(version, normal, standing.arrays, watch)
        take = _rest if watch.resting else _take
        found = take(session, of, standing, batch.like(standing.arrays))
    memory.standing[version_id] = standing
    return found


def _completed(
    session: Session,
    version: Version,
    part: Reference,
    watch: DriftWatch,
    *,
    standing: Standing,
    plan: DriftPlan,
) -> tuple[Reference, DriftWatch]:
    """The reference that knows how requests are answered too, once there are enough answers; until then the same.

    What was watched goes on being watched, with the evidence that there is; alarms stay open.
    """
    found = reference.completed(
        session, version, part, standing.arrays, until=standing.seq, size=plan.reference
    )
    if found is None:
        return part, watch
    standing.reference, standing.arrays = found.id, unpacked(found.content)
    standing.detectors = standing.detectors.joined_by(_made(session, found, watch, plan, standing.arrays))
    after_it = DriftWatch(
        reference_id=found.id,
        seq=standing.seq,
        requests=standing.requests,
        latest_seq=standing.seq,
        latest_requests=standing.requests,
        restarts=watch.restarts,
        resting=watch.resting,
        content=packed(standing.detectors.state()),
        updated_at=datetime.now(UTC),
    )
    session.add(after_it)
    session.flush()
    return found, after_it


def begin_watch(session: Session, version: Version, normal: Reference) -> None:
    """From the reference's last request on. What was raised beside another reference is over."""
    alarms.end(session, version, "there is a new reference")
    session.add(DriftWatch(reference_id=normal.id, seq=normal.last_seq, latest_seq=normal.last_seq))
    session.flush()


def _begin(session: Session, version: Version, plan: DriftPlan) -> Detected:
    session.execute(select(Version.id).where(Version.id == version.id).with_for_update(key_share=True))
    if reference.current(session, version.id) is not None:
        return Detected(more=True)
    if plan.prompts is not None and prompted.begin(session, version, plan.prompts):
        return Detected()
    made = reference.begin(session, version, plan.reference)
    if made is None:
        return Detected()
    begin_watch(session, version, made)
    return Detected(more=True)


def _from_row(
    session: Session, normal: Reference, watch: DriftWatch, plan: DriftPlan, arrays: Arrays
) -> Standing:
    if watch.content is None:
        detectors = _made(session, normal, watch, plan, arrays)
    else:
        detectors = Detectors.restore(unpacked(watch.content))
    return Standing(normal.id, arrays, detectors, watch.restarts, watch.seq, watch.requests)


def _made(
    session: Session, normal: Reference, watch: DriftWatch, plan: DriftPlan, arrays: Arrays
) -> Detectors:
    told = first_said(session.connection(), normal.version_id, normal.first_seq, watch.seq, Losses.FIRST)
    seed = f"{normal.id} {watch.restarts}".encode()
    return Detectors.make(arrays, told, plan, seed, served=not normal.awaits_traffic)


def _rest(session: Session, of: alarms.Watched, standing: Standing, batch: Batch) -> Detected:
    """While what is known is confirmed again and again, beginning anew each time would cost more than it tells."""
    watch = of.watch
    standing.seq = watch.seq = watch.latest_seq = batch.seqs[-1]
    watch.resting -= len(batch)
    alarms.follow(session, of)
    return Detected(len(batch), more=watch.resting == 0)


def _take(session: Session, of: alarms.Watched, standing: Standing, batch: Batch) -> Detected:
    watch, detectors = of.watch, standing.detectors
    heard = said(session.connection(), of.version.id, standing.seq, batch.seqs[-1])
    crossing = detectors.take(batch, heard)
    taken = len(batch) if crossing is None else crossing.place + 1
    standing.seq, standing.requests = batch.seqs[taken - 1], standing.requests + taken
    watch.latest_seq, watch.latest_requests = standing.seq, standing.requests
    readings.keep(session, watch, detectors.watching, batch.moments[taken - 1])
    if crossing is not None:
        alarm = alarms.raise_alarm(session, of, batch, crossing, detectors)
        _keep(watch, standing, None)
        watch.latest_requests, watch.requests, watch.restarts = 0, 0, watch.restarts + 1
        watch.resting = min(alarm.crossings - 1, RESTS) * of.normal.size // RESTS
        return Detected(taken, alarm.id, more=True)
    alarms.follow(session, of)
    if _due(watch, standing):
        _keep(watch, standing, packed(detectors.state(), compressed=False))
    if standing.requests >= QUIET * of.normal.size:
        alarms.end(session, of.version, f"nothing crossed in the {standing.requests} requests since")
    return Detected(taken, more=len(batch) == MOST)


def _due(watch: DriftWatch, standing: Standing) -> bool:
    late = datetime.now(UTC) >= watch.updated_at + timedelta(seconds=KEEP_SECONDS)
    return late or standing.requests - watch.requests >= KEEP_REQUESTS


def _keep(watch: DriftWatch, standing: Standing, content: bytes | None) -> None:
    watch.content, watch.seq, watch.requests = content, standing.seq, standing.requests
    watch.updated_at = datetime.now(UTC)
