"""What there is to know of one version: what it is, how it was made, what it has been, and how much it has answered.

As a record, and as a model card in the form that model hubs read: Markdown with a front matter (Mitchell et al., Model
Cards for Model Reporting, 2019).
"""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from mainspring.release.lineage import in_words, lineage
from mainspring.tables import Deployment, Event, Observation, Stage, TrainingRun, Version

_ABOUT = ("architecture", "parameters", "bytes", "context_length", "licence", "digest")


def record(session: Session, version: Version) -> dict[str, Any]:
    """As JSON. `answers`: how many jobs of it ended in which state."""
    deployment = session.get_one(Deployment, version.deployment)
    return {
        "version": version.label,
        "deployment": version.deployment,
        "task": deployment.task,
        "stage": version.stage,
        **{name: getattr(version, name) for name in _ABOUT},
        **lineage(version),
        "files": version.files,
        "source": version.source,
        "run": _run(session, version),
        "history": list(_history(session, version)),
        "answers": _answers(session, version),
        "created_at": version.created_at.isoformat(),
        "deleted_at": None if version.deleted_at is None else version.deleted_at.isoformat(),
    }


def as_markdown(found: dict[str, Any], *, life: bool = True) -> str:
    """`found`: what record() gives. Values in the front matter are JSON, which YAML reads as it is.

    Without its `life` it says what the version is and how it was made, which never changes.
    """
    base = found["parent"] or found["source"].get("base") or found["source"].get("hub")
    front = {
        "license": found["licence"],
        "base_model": base,
        "pipeline_tag": found["task"],
        "model_name": found["version"],
    }
    head = [f"{name}: {json.dumps(value)}" for name, value in front.items() if value is not None]
    return "\n".join(["---", *head, "---", "", f"# {found['version']}", "", *_body(found, life=life)]) + "\n"


def _body(found: dict[str, Any], *, life: bool) -> Iterator[str]:
    what = f"A version of the deployment `{found['deployment']}`, for {found['task']}."
    yield f"{what} Its stage: {found['stage']}." if life else what
    yield from ("", "## Model", "")
    for name in _ABOUT:
        value = found[name]
        said = f"{value:,}" if isinstance(value, int) else value or "not stated"
        yield f"- {name.replace('_', ' ')}: {said}"
    yield from ("", "## Made", "")
    for name, value in found["source"].items():
        if value not in (None, {}):
            yield f"- {name}: {_plain(value)}"
    said = in_words(found)
    for name in ("dataset", "tokenizer"):
        if said[name] != "-":
            yield f"- {name}: {said[name]}"
    if found["run"] is not None:
        yield f"- parameters of the run: {_plain(found['run']['parameters'])}"
    if life:
        yield from _life(found)


def _life(found: dict[str, Any]) -> Iterator[str]:
    yield from ("", "## Has been", "")
    for one in found["history"]:
        yield f"- {one['at'][:19]} {one['stage']}, by {one['actor']}: {one['reason']}"
    yield from ("", "## Answers", "")
    for state, count in found["answers"].items():
        yield f"- {state}: {count:,}"
    if not found["answers"]:
        yield "None yet."
    else:
        yield from ("", f"Which they were: `mainspring jobs --version {found['version']}`.")


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _run(session: Session, version: Version) -> dict[str, Any] | None:
    """The first that made it: the same bytes may have been registered again."""
    found = session.scalar(
        select(TrainingRun)
        .where(TrainingRun.version_id == version.id)
        .order_by(TrainingRun.created_at)
        .limit(1)
    )
    if found is None:
        return None
    return {
        "id": str(found.id),
        "recipe": found.recipe,
        "parameters": found.parameters,
        "measures": found.measures,
        "finished_at": None if found.finished_at is None else found.finished_at.isoformat(),
    }


def _history(session: Session, version: Version) -> Iterator[dict[str, Any]]:
    """Its registration, the first time, and each stage since."""
    registered = and_(Event.kind == "version.registered", Event.inputs["again"].astext.is_(None))
    told = (
        select(Event)
        .where(Event.about == version.label, or_(Event.kind == "version.advanced", registered))
        .order_by(Event.id)
    )
    for event in session.scalars(told):
        yield {
            "at": event.at.isoformat(),
            "stage": event.inputs.get("to", Stage.REGISTERED.value),
            "actor": event.actor,
            "reason": event.reason,
        }


def _answers(session: Session, version: Version) -> dict[str, int]:
    counted = (
        select(Observation.state, func.count().label("count"))
        .where(Observation.version_id == version.id)
        .group_by(Observation.state)
        .order_by(Observation.state)
    )
    return {row[0]: row[1] for row in session.execute(counted)}
