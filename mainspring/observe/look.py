"""Look at the jobs that have ended since: their texts become vectors, and their observations get a place in the order.

One looker at a time, and each pass is one transaction: so `seq` grows in the order of the commits, and whoever has read
up to one of them has missed none before it. A pass that is killed has looked at nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, func, literal_column, select, text, update
from sqlalchemy.engine import Row

from mainspring.observe import texts
from mainspring.observe.vectors import Vectors, packed
from mainspring.tables import Deployment, Job, JobState, Observation
from mainspring.terms import Task

MOST = 500  # a pass: its transaction is short
_LOCK = 4242003
_UNSEEN = (
    select(
        Observation.job_id,
        Observation.at,
        Observation.state,
        Job.input,
        Job.output,
        Job.tenant_id,
        Job.session_id,
        Deployment.task,
    )
    .join(Job, Job.id == Observation.job_id)
    .join(Deployment, Deployment.name == Job.deployment)
    .where(Observation.seq.is_(None))
    .order_by(Observation.at)
    .limit(MOST)
)
_SEEN = (
    update(Observation)
    .where(Observation.job_id == bindparam("its_job"), Observation.at == bindparam("its_at"))
    .values(
        seq=func.nextval(literal_column("'observations_seq'")),
        **{
            name: bindparam(f"to_{name}")
            for name in ("tenant_id", "session_id", "words_prompt", "words_answer", "language")
        },
    )
)
# Of a job that is gone nothing can be looked at any more; it still has its place.
_ORPHANS = (
    update(Observation)
    .where(Observation.seq.is_(None), ~select(Job.id).where(Job.id == Observation.job_id).exists())
    .values(seq=func.nextval(literal_column("'observations_seq'")))
)


class Embedder(Protocol):
    """What makes vectors of texts: observe/words.py, for one."""

    def embed(self, texts: Sequence[str]) -> Vectors: ...


@dataclass(frozen=True)
class Looked:
    """`more`: there may be others that wait."""

    seen: int
    more: bool


def look(connection: Connection, words: Embedder) -> Looked:
    """One pass, in the caller's transaction."""
    if not connection.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
        return Looked(0, more=False)
    rows = connection.execute(_UNSEEN).all()
    if not rows:
        connection.execute(_ORPHANS)
        return Looked(0, more=False)
    connection.execute(_SEEN, _values(rows, words))
    return Looked(len(rows), more=len(rows) == MOST)


def _values(rows: Sequence[Row[Any]], words: Embedder) -> list[dict[str, Any]]:
    prompts = packed(words.embed([texts.asked(row.input) for row in rows]))
    answers = _answers(rows, words)
    return [
        {
            "its_job": row.job_id,
            "its_at": row.at,
            "to_tenant_id": row.tenant_id,
            "to_session_id": row.session_id,
            "to_words_prompt": prompt,
            "to_words_answer": answers.get(place),
            "to_language": None,
        }
        for place, (row, prompt) in enumerate(zip(rows, prompts, strict=True))
    ]


def _answers(rows: Sequence[Row[Any]], words: Embedder) -> dict[int, bytes]:
    """By place among the rows, of those whose answer is a text."""
    said = {
        place: answer
        for place, row in enumerate(rows)
        if row.state == JobState.SUCCEEDED and (answer := texts.answered(Task(row.task), row.output))
    }
    return dict(zip(said, packed(words.embed(list(said.values()))), strict=True))
