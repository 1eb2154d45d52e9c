"""A version's sampled jobs become traces from where that was left, and those whose text has left go."""

from sqlalchemy import Uuid, case, cast, exists, select
from sqlalchemy.orm import Session

from mainspring.errors import MirrorRefused
from mainspring.kept.keys import Keys
from mainspring.mirror import otlp
from mainspring.mirror.desk import Desk
from mainspring.mirror.progress import Kind, Written
from mainspring.mirror.things import Trace
from mainspring.mirror.traces import Traced, following
from mainspring.tables import KeptText, Mirrored

MOST = 100  # traces that are deleted at once
_JOB = cast(case((Mirrored.kind == Kind.WORDED.value, Mirrored.key)), Uuid)


def show(desk: Desk, version: Traced, keys: Keys) -> None:
    key = f"{version.id} traces"
    known = desk.progress.known(Kind.TRACES, key)
    since = 0 if known is None else int(known.state)
    while True:
        desk.in_time()
        with desk.database.transaction() as session:
            found = following(session, version, keys, since)
        if found.until is None:
            return
        for some in otlp.batches(found.traces):
            _send(desk, some)
        desk.note(Kind.TRACES, key, Written("", str(found.until)))
        since = found.until


def take_back(desk: Desk) -> None:
    """What was said does not stay there longer than here."""
    while True:
        with desk.database.transaction() as session:
            gone = _gone(session)
        if not gone:
            return
        desk.in_time()
        desk.delete_traces([otlp.trace_id(job) for job in gone])
        desk.progress.forget(Kind.WORDED, gone)
        desk.round.written += len(gone)


def _send(desk: Desk, traces: list[Trace]) -> None:
    """Those with text are noted first: whatever happens then, they are taken back one day.

    Of one that MLflow will not take the text is left out, which is all that it could object to.
    """
    for one in traces:
        if one.worded:
            desk.progress.note(Kind.WORDED, one.key, Written(otlp.trace_id(one.key), ""), settled=True)
    try:
        desk.send_traces(traces)
    except MirrorRefused:
        for one in traces:
            _send_alone(desk, one)


def _send_alone(desk: Desk, trace: Trace) -> None:
    try:
        desk.send_traces([trace])
    except MirrorRefused:
        if not trace.worded:
            raise
        desk.send_traces([trace.without_words()])


def _gone(session: Session) -> list[str]:
    """Jobs of which a trace has the text, which is not kept any more."""
    kept = exists().where(KeptText.job_id == _JOB)
    return list(
        session.scalars(select(Mirrored.key).where(Mirrored.kind == Kind.WORDED.value, ~kept).limit(MOST))
    )
