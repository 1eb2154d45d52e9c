"""Third stage: the version beside the champion of today, and what the gate says of the two."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.curation.rows import FRESH
from mainspring.evaluation.defaults import filled
from mainspring.evaluation.gate import decide
from mainspring.evaluation.plan import gate_plan, suite_plan
from mainspring.evaluation.results import results_of
from mainspring.evaluation.suite import MeasuringSet, Suite
from mainspring.evaluation.verdict import Decided, Decision
from mainspring.identifiers import uuid7
from mainspring.lifecycle import advance
from mainspring.refresh.moves import ACTOR, to
from mainspring.refresh.outcome import has_succeeded
from mainspring.refresh.plan import RefreshPlan
from mainspring.registry import champion_of
from mainspring.tables import (
    Dataset,
    Deployment,
    Evaluation,
    Event,
    Refresh,
    RefreshState,
    Stage,
    Task,
    Verdict,
    Version,
    WorkState,
)

_NEXT = {
    Decision.ACCEPT: RefreshState.RELEASING,
    Decision.REJECT: RefreshState.REFUSED,
    Decision.NEEDS_HUMAN: RefreshState.WAITING,
}


def step(session: Session, refresh: Refresh, now: datetime) -> bool:
    """Whether there is new work for the train worker."""
    if refresh.evaluation_id is None:
        refresh.evaluation_id = _ask(session, refresh).id
        return True
    evaluation = session.get_one(Evaluation, refresh.evaluation_id)
    if has_succeeded(session, refresh, evaluation, now):
        _conclude(session, refresh, evaluation)
    return False


def _ask(session: Session, refresh: Refresh) -> Evaluation:
    version = session.get_one(Version, refresh.version_id)
    if version.stage == Stage.REGISTERED:
        advance(session, version, Stage.TESTING, actor=ACTOR, reason="it is evaluated before its release")
    return request(session, version, champion_of(session, refresh.deployment), asked_by=ACTOR)


def request(session: Session, version: Version, champion: Version | None, *, asked_by: str) -> Evaluation:
    """A queued evaluation by the deployment's policy, beside that champion."""
    evaluation = Evaluation(
        id=uuid7(),
        deployment=version.deployment,
        challenger_id=version.id,
        champion_id=None if champion is None else champion.id,
        suite=suite_for(session, version, champion).model_dump(mode="json"),
        asked_by=asked_by,
    )
    session.add(evaluation)
    session.flush()
    session.refresh(evaluation)
    return evaluation


def suite_for(session: Session, version: Version, champion: Version | None) -> Suite:
    """`new`: what was kept aside of what it has learned, without what is replayed. `old`: the same of the champion."""
    deployment = session.get_one(Deployment, version.deployment)
    plan = suite_plan(deployment.policy)
    sets = [
        MeasuringSet(name=name, dataset=digest, origins=origins)
        for name, of, origins in (("new", version, FRESH), ("old", champion, None))
        if (digest := _learned(session, of)) is not None
    ]
    further = [MeasuringSet(name=name, dataset=digest) for name, digest in sorted(plan.sets.items())]
    return Suite(task=Task(deployment.task), sets=(*sets, *further), plan=plan)


def _learned(session: Session, version: Version | None) -> str | None:
    """The digest of what it has learned from, if that is kept."""
    digest = None if version is None else (version.dataset or {}).get("digest")
    return session.scalar(
        select(Dataset.digest)
        .where(Dataset.digest == digest, Dataset.state == WorkState.SUCCEEDED.value)
        .limit(1)
    )


def _conclude(session: Session, refresh: Refresh, evaluation: Evaluation) -> None:
    verdict, decided = judge(session, evaluation)
    refresh.verdict_id = verdict.id
    plan = RefreshPlan.model_validate(refresh.plan)
    state = _NEXT[decided.decision]
    if state is RefreshState.RELEASING and plan.approval:
        state = RefreshState.WAITING
    if state is RefreshState.REFUSED:
        version = session.get_one(Version, evaluation.challenger_id)
        advance(session, version, Stage.REJECTED, actor=ACTOR, reason=decided.reasons[0])
    to(session, refresh, state, reason=" ".join(decided.reasons))


def judge(session: Session, evaluation: Evaluation) -> tuple[Verdict, Decided]:
    """What the gate of today's policy says of what was measured; with all that it was decided from."""
    deployment = session.get_one(Deployment, evaluation.deployment)
    plan = filled(gate_plan(deployment.policy), Task(deployment.task))
    if (
        evaluation.champion_id is not None
    ):  # and nothing was measured of it: that is not as if there were none
        plan = plan.model_copy(update={"when_alone": "ask"})
    results = evaluation.results or {}
    decided = decide(plan, results_of(results))
    verdict = Verdict(
        id=uuid7(),
        evaluation_id=evaluation.id,
        decision=decided.decision.value,
        plan=plan.model_dump(mode="json"),
        results=results,
        reasons=list(decided.reasons),
        details=decided.as_json(),
    )
    session.add(verdict)
    label = session.get_one(Version, evaluation.challenger_id).label
    inputs = {"verdict": str(verdict.id), "evaluation": str(evaluation.id), "decision": verdict.decision}
    reason = " ".join(decided.reasons)
    session.add(Event(kind="version.judged", about=label, actor=ACTOR, reason=reason, inputs=inputs))
    session.flush()
    return verdict, decided
