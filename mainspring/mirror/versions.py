"""Registered models, their versions and aliases, as the rows have them: a model for each deployment."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.mirror.things import Model, Version, texts
from mainspring.release.lineage import in_words, lineage
from mainspring.tables import Deployment, Rollout, Stage
from mainspring.tables import Version as Row

CHAMPION, CHALLENGER = "champion", "challenger"


def models(session: Session) -> list[Model]:
    """Of the deployments that have versions. In MLflow stages are tags and aliases: its own are deprecated since 2.9."""
    versions: dict[str, list[Row]] = {}
    for row in session.scalars(select(Row).order_by(Row.deployment, Row.number)):
        versions.setdefault(row.deployment, []).append(row)
    open_rollouts = select(Rollout.deployment, Rollout.challenger_id).where(Rollout.ended_at.is_(None))
    challengers = {name: str(challenger) for name, challenger in session.execute(open_rollouts)}
    deployments = session.scalars(
        select(Deployment).where(Deployment.name.in_(versions)).order_by(Deployment.name)
    )
    return [_model(one, versions[one.name], challengers.get(one.name)) for one in deployments]


def _model(deployment: Deployment, rows: list[Row], challenger: str | None) -> Model:
    champion = next((str(row.id) for row in rows if row.stage == Stage.PRODUCTION), None)
    return Model(
        key=deployment.name,
        versions=tuple(_version(row) for row in rows),
        aliases={CHAMPION: champion, CHALLENGER: challenger},
        tags={"task": deployment.task, "retired": str(deployment.retired_at or "no")},
    )


def _version(row: Row) -> Version:
    source, found = row.source, lineage(row)
    dataset = row.dataset or {}
    said = in_words({**found, "source": source})
    return Version(
        key=str(row.id),
        label=row.label,
        description="\n".join(f"- {name}: {what}" for name, what in said.items() if what != "-"),
        run_key=source.get("run"),
        tags=texts(
            version=row.label,
            stage=row.stage,
            digest=row.digest,
            base=source.get("base") or source.get("hub") or source.get("folder"),
            parent=found["parent"],
            parent_digest=source.get("parent_digest") or source.get("base_digest"),
            dataset=dataset.get("digest"),
            dataset_examples=dataset.get("examples"),
            tokenizer=(row.tokenizer or {}).get("digest"),
            licence=row.licence,
            architecture=row.architecture,
            parameters=row.parameters,
            recipe=source.get("recipe"),
            training_run=source.get("run"),
            files="kept" if row.deleted_at is None else "deleted",
        ),
    )
