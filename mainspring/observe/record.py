"""One observation a finished job, written in the transaction that finishes it."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from mainspring.serving.engine import EngineAnswer
from mainspring.tables import Job, Observation


def record(session: Session, job: Job, answer: EngineAnswer | None) -> None:
    """`answer` is None for a job that failed. Recording twice changes nothing."""
    usage, timings = job.usage or {}, job.timings or {}
    output = answer.output if answer is not None and isinstance(answer.output, dict) else {}
    session.execute(
        insert(Observation)
        .values(
            job_id=job.id,
            version_id=job.version_id,
            state=job.state,
            finish_reason=output.get("finish_reason"),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            mean_logprob=None if answer is None else answer.mean_logprob,
            queue_seconds=timings.get("queue"),
            first_token_seconds=timings.get("first_token"),
            total_seconds=timings.get("total"),
            measures={} if answer is None else answer.measures,
        )
        .on_conflict_do_nothing()
    )
