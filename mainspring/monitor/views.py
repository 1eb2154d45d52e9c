"""How a deployment drifts, as people and programs are told it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from mainspring.kept.keys import Keys
from mainspring.kept.reading import Reader, TextView, kept_of, read
from mainspring.monitor import deciding, prompted, reference
from mainspring.monitor.plan import drift_plan
from mainspring.monitor.reference_views import (
    ReferenceRequestView,
    ReferenceView,
    reference_view,
    request_of_reference_view,
)
from mainspring.tables import (
    Deployment,
    DriftAlarm,
    DriftDecision,
    DriftReading,
    DriftWatch,
    Reference,
    RetrainingRequest,
    Stage,
    Version,
)

LATEST_ALARMS = 20


class ReadingView(TypedDict):
    """`evidence` is the natural logarithm of the evidence that something has changed; an alarm at `threshold`.

    Other measures are for people to read: how far the latest requests are from the reference, with the `chance` of that in
    `details` where there is one; of a classifier how often it is right, before anybody has said so.
    """

    detector: str
    segment: str
    measure: str
    value: float
    threshold: float | None
    requests: int
    at: str
    details: dict[str, Any]


class AlarmView(TypedDict):
    """`requests`: after so many since its detectors began. `share`: of the latest requests that are unlike the reference.

    `terms`: words that set these apart; `near`: words of those known requests that they are most like; `examples`: ids of
    such jobs. `kept`: of how many of them the text is kept; `texts`: these, for who asks for them. `ended_at`: null while
    it is open. `line`: what came of it, see refresh/line.py; null while nothing has.
    """

    id: str
    version: str
    kind: str
    detector: str
    segment: str
    at: str
    since: str | None
    requests: int
    value: float
    threshold: float
    crossings: int
    last_at: str
    ended_at: str | None
    share: float | None
    terms: list[str]
    near: list[str]
    examples: list[str]
    kept: int
    texts: list[TextView]
    line: Mapping[str, Any] | None


class RequestView(TypedDict):
    """`line`: what it comes from and what came of it, see refresh/line.py."""

    id: str
    trigger: str
    state: str
    reasons: list[str]
    asked_by: str
    created_at: str
    line: Mapping[str, Any] | None


class VersionDrift(TypedDict):
    """`watched`: requests that the detectors have been given since they last began. Before there is a reference,
    `gathered` of the `wanted` answers that it is to be made of are there. `making`: of prompts, what was asked for last.
    """

    version: str
    stage: str
    gathered: int
    wanted: int
    reference: ReferenceView | None
    making: ReferenceRequestView | None
    watched: int
    readings: list[ReadingView]


class DriftView(TypedDict):
    """`state`: stable, watch, retrain; null before anything was decided."""

    deployment: str
    state: str | None
    reasons: list[str]
    since: str | None
    versions: list[VersionDrift]
    alarms: list[AlarmView]
    retraining: RequestView | None


def drift(session: Session, deployment: Deployment) -> DriftView:
    name, policy = deployment.name, deployment.policy
    decision = session.get(DriftDecision, name)
    live = session.scalars(
        select(Version)
        .where(Version.deployment == name, Version.stage.in_([Stage.PRODUCTION.value, Stage.CANARY.value]))
        .order_by(Version.number.desc())
    )
    alarms = session.execute(
        select(DriftAlarm, Version)
        .join(Version, Version.id == DriftAlarm.version_id)
        .where(DriftAlarm.deployment == name)
        .order_by(DriftAlarm.at.desc())
        .limit(LATEST_ALARMS)
    ).all()
    kept = kept_of(session, deployment, [job for alarm, _ in alarms for job in _examples(alarm)])
    pending = deciding.pending(session, name)
    return {
        "deployment": name,
        "state": None if decision is None else decision.state,
        "reasons": [] if decision is None else decision.reasons,
        "since": None if decision is None else decision.since.isoformat(),
        "versions": [_version(session, version, policy) for version in live],
        "alarms": [_alarm(alarm, version, kept) for alarm, version in alarms],
        "retraining": None if pending is None else request_view(pending),
    }


def show_texts(session: Session, deployment: Deployment, view: DriftView, keys: Keys, who: Reader) -> None:
    """Into each alarm those of its examples that this reader may see."""
    jobs = {UUID(job) for alarm in view["alarms"] for job in alarm["examples"]}
    found = read(session, deployment, keys, jobs, who)
    for alarm in view["alarms"]:
        alarm["texts"] = [found[UUID(job)] for job in alarm["examples"] if UUID(job) in found]


def asked_of(session: Session, alarms: Sequence[UUID]) -> set[UUID]:
    """Those of them for which a better version was asked."""
    asked = select(RetrainingRequest.alarm_id).where(RetrainingRequest.alarm_id.in_(alarms))
    return {one for one in session.scalars(asked) if one is not None}


def request_view(request: RetrainingRequest) -> RequestView:
    return {
        "id": str(request.id),
        "trigger": request.trigger,
        "state": request.state,
        "reasons": request.reasons,
        "asked_by": request.asked_by,
        "created_at": request.created_at.isoformat(),
        "line": None,
    }


def _version(session: Session, version: Version, policy: dict[str, Any]) -> VersionDrift:
    normal = reference.current(session, version.id)
    asked = prompted.latest(session, version.id)
    incomplete = normal is None or normal.awaits_traffic
    wanted = drift_plan(policy).reference if normal is None or incomplete else normal.size
    watch = None if normal is None else session.get(DriftWatch, normal.id)
    return {
        "version": version.label,
        "stage": version.stage,
        "gathered": reference.gathered(session, version.id, wanted) if incomplete else wanted,
        "wanted": wanted,
        "reference": None if normal is None else reference_view(normal),
        "making": None if asked is None else request_of_reference_view(session, asked),
        "watched": 0 if watch is None else watch.latest_requests,
        "readings": [] if normal is None else _readings(session, normal),
    }


def _readings(session: Session, normal: Reference) -> list[ReadingView]:
    """The newest of each detector, those with most evidence first."""
    which = (DriftReading.detector, DriftReading.segment, DriftReading.measure)
    newest = session.scalars(
        select(DriftReading)
        .where(DriftReading.reference_id == normal.id)
        .ext(distinct_on(*which))
        .order_by(*which, DriftReading.span.desc())
    )
    return [
        {
            "detector": one.detector,
            "segment": one.segment,
            "measure": one.measure,
            "value": round(one.value, 3),
            "threshold": one.threshold,
            "requests": one.requests,
            "at": one.at.isoformat(),
            "details": one.details,
        }
        for one in sorted(newest, key=lambda one: one.value - (one.threshold or 1000), reverse=True)
    ]


def _examples(alarm: DriftAlarm) -> list[UUID]:
    return [UUID(job) for job in alarm.details.get("examples", [])]


def _alarm(alarm: DriftAlarm, version: Version, kept: set[UUID]) -> AlarmView:
    details: dict[str, Any] = alarm.details
    return {
        "id": str(alarm.id),
        "version": version.label,
        "kind": alarm.kind,
        "detector": alarm.detector,
        "segment": alarm.segment,
        "at": alarm.at.isoformat(),
        "since": None if alarm.since is None else alarm.since.isoformat(),
        "requests": alarm.requests,
        "value": round(alarm.value, 3),
        "threshold": round(alarm.threshold, 3),
        "crossings": alarm.crossings,
        "last_at": alarm.last_at.isoformat(),
        "ended_at": None if alarm.ended_at is None else alarm.ended_at.isoformat(),
        "share": details.get("share"),
        "terms": details.get("terms", []),
        "near": details.get("near", []),
        "examples": details.get("examples", []),
        "kept": len(kept.intersection(_examples(alarm))),
        "texts": [],
        "line": None,
    }
