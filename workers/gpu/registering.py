"""What a run has made becomes a version, with whence it came, and is on its way into production as the policy has it."""

from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mainspring import registry
from mainspring.curation import files
from mainspring.curation.rows import Split
from mainspring.errors import InvalidRequest, MainspringError
from mainspring.identifiers import uuid7
from mainspring.logs import log
from mainspring.registry import champion_of
from mainspring.release.plan import plan_of
from mainspring.release.rollout import begin
from mainspring.tables import Dataset, Deployment, Event, Refresh, TrainingRun, Version, WorkState
from workers.gpu.recipes.workshop import Made

ACTOR = "train worker"


def register(
    session: Session,
    run: TrainingRun,
    made: Made,
    found: registry.Inspection,
    stored: registry.Stored,
    *,
    dtype: str,
) -> Version:
    """Version, stage and events, in the caller's transaction. `dtype`: of its weights.

    Raises DeploymentRetired.
    """
    origin = {"run": str(run.id), "recipe": run.recipe, "dtype": dtype}
    source = origin | made.source | {"measures": measures(made)} | _parent(session, run, made)
    version = registry.register(
        session,
        run.deployment,
        stored,
        found,
        source,
        actor=run.asked_by or ACTOR,
        reason=_why(run),
        dataset=made.dataset,
    )
    _bring(session, run, version)
    return version


def keep_dataset(session: Session, run: TrainingRun, made: Made, datasets: Path) -> None:
    """What a recipe has gathered itself is a dataset as others are, from now on."""
    if made.dataset is None or run.dataset_id is not None:
        return
    digest = made.dataset["digest"]
    folder = datasets / digest
    known = select(Dataset.id).where(Dataset.deployment == run.deployment, Dataset.digest == digest).limit(1)
    if not folder.is_dir() or session.scalar(known) is not None:
        return
    rows = {split.value: files.count(folder, split) for split in Split}
    now = func.clock_timestamp()
    session.add(
        Dataset(
            id=uuid7(),
            deployment=run.deployment,
            plan=made.dataset["origin"],
            digest=digest,
            rows=rows,
            bytes=sum(one.stat().st_size for one in folder.iterdir()),
            card={"origin": made.dataset["origin"], "rows": rows, "gathered by": f"training run {run.id}"},
            state=WorkState.SUCCEEDED.value,
            activity="done",
            progress=1.0,
            asked_by=run.asked_by,
            started_at=now,
            finished_at=now,
        )
    )
    session.flush()


def measures(made: Made) -> dict[str, float]:
    return {name: round(value, 4) for name, value in made.measures.items()}


def _parent(session: Session, run: TrainingRun, made: Made) -> dict[str, str]:
    """The version that it began as, by its name and its digest, as far as there is one."""
    if made.parent is None:
        return {"parent": made.source["base"]} if "base_digest" in made.source else {}
    known = registry.of_digest(session, made.parent, run.deployment)
    if known is None:
        return {"parent_digest": made.parent}
    beside = {"base": known.label} if "base_digest" in made.source else {}  # as an imported adapter names it
    return {"parent_digest": made.parent, "parent": known.label} | beside


def _bring(session: Session, run: TrainingRun, version: Version) -> None:
    """By a rollout where the policy has one. Where that cannot begin, as while another is open, it stays registered,
    for a person to decide: what was made is never lost for it."""
    if run.parameters.get("hold") and champion_of(session, version.deployment) is not None:
        return
    if session.scalar(select(Refresh.id).where(Refresh.run_id == run.id)) is not None:
        return  # it is evaluated first
    policy = session.get_one(Deployment, version.deployment).policy
    try:
        plan = None if run.parameters.get("now") else plan_of(policy)
        with session.begin_nested():  # begun whole, or not at all
            begin(session, version, plan, actor=ACTOR, reason=_why(run))
    except ValidationError as error:  # a policy that an older server took
        said = f"the policy's rollout cannot be read: {error.errors()[0]['msg']}"
        _wait(session, run, version, InvalidRequest(said, field="policy.rollout"))
    except MainspringError as error:
        _wait(session, run, version, error)


def _wait(session: Session, run: TrainingRun, version: Version, error: MainspringError) -> None:
    session.refresh(version)
    log.warning("run.waits", run=str(run.id), version=version.label, why=error.detail)
    inputs = {"run": str(run.id), **error.as_json()}
    session.add(
        Event(kind="version.waits", about=version.label, actor=ACTOR, reason=error.detail, inputs=inputs)
    )
    session.flush()


def _why(run: TrainingRun) -> str:
    return f"made by the recipe {run.recipe}"
