"""Give the detectors what was looked at since, each request once; raise the alarm when one of them has seen enough.

A pass is one transaction for a version and a thousand requests: killed in between, it has not been; two at once, the
second finds the version taken. After an alarm all detectors of the version begin anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.monitor import alarms, reference
from mainspring.monitor.arrays import packed, unpacked
from mainspring.monitor.batch import Batch, after
from mainspring.monitor.detectors import Detectors, Watched
from mainspring.monitor.plan import DriftPlan, drift_plan
from mainspring.tables import Deployment, DriftReading, DriftWatch, Reference, Stage, Version, constant

MOST = 1000  # requests a pass
SPAN_SECONDS = 600
QUIET = 2  # times the reference's size without a crossing: an open alarm is over
_LIVE = (constant(Stage.PRODUCTION), constant(Stage.CANARY))


@dataclass(frozen=True)
class Detected:
    """`more`: there may be requests that the detectors have not been given."""

    requests: int = 0
    alarm: UUID | None = None
    more: bool = False


def watched(session: Session) -> Sequence[UUID]:
    """The versions whose traffic is compared with what was normal."""
    return session.scalars(select(Version.id).where(Version.stage.in_(_LIVE)).order_by(Version.id)).all()


def detect(session: Session, version_id: UUID) -> Detected:
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
    batch = after(session.connection(), version_id, watch.seq, MOST)
    if not len(batch):
        return Detected()
    return _take(session, Watched(version, normal, unpacked(normal.content), watch), plan.alpha, batch)


def begin_watch(session: Session, version: Version, normal: Reference) -> None:
    """From the reference's last request on. What was raised beside another reference is over."""
    alarms.end(session, version, "there is a new reference")
    session.add(DriftWatch(reference_id=normal.id, seq=normal.last_seq))
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


def _take(session: Session, of: Watched, alpha: float, batch: Batch) -> Detected:
    watch = of.watch
    detectors = Detectors(of.arrays, alpha, {} if watch.content is None else unpacked(watch.content))
    crossing = detectors.take(batch)
    taken = len(batch) if crossing is None else crossing.place + 1
    watch.seq = batch.seqs[taken - 1]
    watch.requests += taken
    watch.updated_at = datetime.now(UTC)
    values = detectors.values | ({} if crossing is None else {crossing.feature: crossing.value})
    _read(session, watch, values, detectors.thresholds, batch.moments[taken - 1])
    if crossing is None:
        watch.content = packed(detectors.state())
        if watch.requests >= QUIET * of.normal.size:
            alarms.end(session, of.version, f"nothing crossed in the {watch.requests} requests since")
        return Detected(taken, more=len(batch) == MOST)
    alarm = alarms.raise_alarm(session, of, batch, crossing).id
    watch.content, watch.requests, watch.restarts = None, 0, watch.restarts + 1
    return Detected(taken, alarm, more=True)


def _read(
    session: Session,
    watch: DriftWatch,
    values: dict[str, float],
    thresholds: dict[str, float],
    moment: datetime,
) -> None:
    """One reading a feature and span; the last one of a span stays."""
    span = datetime.fromtimestamp(moment.timestamp() // SPAN_SECONDS * SPAN_SECONDS, UTC)
    rows = [
        {
            "reference_id": watch.reference_id,
            "detector": name,
            "segment": "",
            "span": span,
            "requests": watch.requests,
            "value": value,
            "threshold": thresholds[name],
        }
        for name, value in values.items()
    ]
    if not rows:
        return
    made = insert(DriftReading)
    session.execute(
        made.on_conflict_do_update(
            index_elements=["reference_id", "detector", "segment", "span"],
            set_={
                "at": func.now(),
                "requests": made.excluded.requests,
                "value": made.excluded.value,
                "threshold": made.excluded.threshold,
            },
        ),
        rows,
    )
