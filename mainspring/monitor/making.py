"""Make the references of prompts that are asked for, one after the other, by whoever has the frozen encoder.

No transaction is open while it reads. One maker at a time; killed in between, nothing has been made and the next one
begins anew.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Double, cast, select, text, update
from sqlalchemy.orm import Session

from mainspring.errors import StackError
from mainspring.monitor import detect, prompted, reference
from mainspring.monitor.batch import NUMBERS, VECTORS, Batch, Placed, side_by_side
from mainspring.monitor.normal import arrays_of
from mainspring.monitor.plan import drift_plan
from mainspring.observe import texts
from mainspring.observe.eyes import Encoder, Eyes
from mainspring.observe.languages import language
from mainspring.observe.vectors import Vectors, packed, unpacked
from mainspring.tables import (
    Database,
    Deployment,
    Making,
    PromptSet,
    ReferenceRequest,
    Task,
    Trial,
    TrialState,
    Version,
)
from mainspring.trials.prompts import prompts_of

AT_ONCE = 32  # prompts: others want the encoder too
PATIENT, MOST_TRIES = 3, 6  # tries, until it is made without the encoder; until it is given up
_LOCK = 4242043
_NEXT = (
    select(ReferenceRequest.id)
    .where(ReferenceRequest.state == Making.WAITING.value)
    .order_by(ReferenceRequest.tries, ReferenceRequest.created_at)
    .limit(1)
)


@dataclass(frozen=True)
class Read:
    """Prompts in an order that says nothing. `tokens`: as the version has counted them, NaN where it has not answered.

    `encoder`: it shall read them; without one nothing of the version's traffic has its vectors either.
    """

    ids: Sequence[UUID]
    texts: Sequence[str]
    tokens: NDArray[np.float64]
    encoder: bool
    patient: bool


def make(database: Database, eyes: Eyes) -> Making | None:
    """The next one: what became of it. None: there is none, or another makes it."""
    with _alone(database) as alone:
        if not alone:
            return None
        with database.transaction() as session:
            asked = session.scalar(_NEXT)
            if asked is None:
                return None
            found = _read(session, asked)
        if found is None:
            return Making.FAILED
        if eyes.words is None:
            return _blind(database, asked)
        vectors = {"words_prompt": _placed(eyes.words.embed(found.texts))}
        if found.encoder and eyes.encoder is not None:
            encoded = _encoded(database, asked, eyes.encoder, found.texts)
            if encoded is None and found.patient:
                return Making.WAITING
            if encoded is not None:
                vectors["encoded_prompt"] = _placed(encoded)
        return _made(database, asked, found, vectors)


@contextmanager
def _alone(database: Database) -> Iterator[bool]:
    """A lock of the connection, which ends with it."""
    with database.each() as connection:
        mine = bool(connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _LOCK}))
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})


def _read(session: Session, asked: UUID) -> Read | None:
    """None: it was tried too often."""
    request = session.get_one(ReferenceRequest, asked)
    version = session.get_one(Version, request.version_id)
    deployment = session.get_one(Deployment, version.deployment)
    request.tries, request.read = request.tries + 1, 0
    if request.tries > MOST_TRIES:
        gave_up = f"no reference came of it in {MOST_TRIES} tries"
        error = StackError(gave_up, remedy="See the ops worker's log, and ask for it again.")
        prompted.fail(session, request, version, error)
        return None
    prompts = prompts_of(session, session.get_one(PromptSet, request.set_id))
    # As they stand in a file, those of a subject follow each other.
    order = np.random.default_rng(len(prompts)).permutation(len(prompts))
    prompts = [prompts[place] for place in order]
    answered = select(Trial.prompt_id, cast(Trial.usage["prompt_tokens"].astext, Double)).where(
        Trial.version_id == version.id, Trial.state == TrialState.DONE.value, Trial.prompt_id.is_not(None)
    )
    counted = {row[0]: row[1] for row in session.execute(answered)}
    share = drift_plan(deployment.policy).encoder_share
    return Read(
        ids=[one.id for one in prompts],
        texts=[texts.asked(one.input) for one in prompts],
        tokens=np.array([counted.get(one.id) for one in prompts], np.float64),
        encoder=share > 0 and deployment.task != Task.FEATURE_EXTRACTION,
        patient=request.tries < PATIENT,
    )


def _encoded(database: Database, asked: UUID, encoder: Encoder, given: Sequence[str]) -> Vectors | None:
    """[texts, dimensions], NaN where it cannot read one; None: it is not there."""
    parts = []
    for first in range(0, len(given), AT_ONCE):
        some = given[first : first + AT_ONCE]
        found = encoder.encode(some)
        if found is None:
            return None
        parts.append(found.vectors)
        with database.each() as connection:
            read = ReferenceRequest.read + len(some)
            connection.execute(update(ReferenceRequest).where(ReferenceRequest.id == asked).values(read=read))
    width = max(part.shape[1] for part in parts)
    return np.concatenate(
        [
            part if part.shape[1] == width else np.full((len(part), width), np.nan, np.float32)
            for part in parts
        ]
    )


def _placed(vectors: Vectors) -> Placed:
    """As they would come back from the rows of requests."""
    places = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    return places, unpacked(packed(vectors[places]))


def _made(database: Database, asked: UUID, found: Read, vectors: dict[str, Placed]) -> Making:
    arrays = arrays_of(_batch(found, vectors), dict(zip(found.ids, found.texts, strict=True)))
    with database.transaction() as session:
        request = session.get_one(ReferenceRequest, asked, with_for_update=True)
        version = session.get_one(Version, request.version_id, with_for_update={"key_share": True})
        prompts = session.get_one(PromptSet, request.set_id)
        made = reference.of_prompts(
            session,
            version,
            arrays,
            size=len(found.ids),
            origin=f"prompts {prompts.name}",
            actor=request.asked_by,
            reason=request.reason,
        )
        detect.begin_watch(session, version, made)
        request.state, request.ended_at, request.reference_id = Making.MADE.value, made.made_at, made.id
    return Making.MADE


def _batch(found: Read, vectors: dict[str, Placed]) -> Batch:
    """As if they had been asked now."""
    count, nothing = len(found.ids), np.full(len(found.ids), np.nan)
    none: Placed = (np.zeros(0, np.int64), np.zeros((0, 0), np.float32))
    return Batch(
        seqs=range(count),
        moments=[datetime.now(UTC)] * count,
        jobs=found.ids,
        tenants=[None] * count,
        languages=[language(one) for one in found.texts],
        failed=np.zeros(count, np.bool_),
        numbers=dict.fromkeys(NUMBERS, nothing) | {"prompt_tokens": found.tokens},
        vectors=side_by_side({name: vectors.get(name, none) for name in VECTORS}),
    )


def _blind(database: Database, asked: UUID) -> Making:
    with database.transaction() as session:
        request = session.get_one(ReferenceRequest, asked, with_for_update=True)
        error = StackError(
            "the ops worker has no encoder, and without it prompts have no vectors",
            remedy="Install the embedded extra, or set MAINSPRING_ENCODER, and ask for it again.",
        )
        prompted.fail(session, request, session.get_one(Version, request.version_id), error)
    return Making.FAILED
