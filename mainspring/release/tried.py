"""Two versions with the same questions, as people compare them: answer beside answer, and the figures of all."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from mainspring.release.paired import Pair, agreed, figures
from mainspring.release.shadow import in_pair, tried
from mainspring.tables import Job, Observation, PromptSet, Trial, Version
from mainspring.trials import answers
from mainspring.trials.agreement import agreement, differences

LATELY = 2000


def with_prompts(session: Session, wanted: PromptSet, first: Version, second: Version) -> dict[str, Any]:
    """`answers`: of each prompt what both said, and where they differ. `missing`: prompts that both have not ended."""
    ended, missing = answers.of_prompts(session, wanted, first.id, second.id)
    said = [
        _beside(prompt.input, one, other, _agreement(one, other)) | {"expected": prompt.expected}
        for prompt, one, other in ended
    ]
    pairs = [
        Pair(tried(one), tried(other), answer["agreement"])
        for (_, one, other), answer in zip(ended, said, strict=True)
    ]
    found = _figures(pairs, timed=True)
    return {"set": wanted.name, "missing": missing, **found, "answers": said}


def in_shadow(
    session: Session, first: Version, second: Version, *, tenant: UUID | None, most: int
) -> dict[str, Any] | None:
    """What one has tried of the jobs that the other answered, whichever it was. None: nothing.

    `answers`: up to so many of the `tenant`'s own jobs, those that differ most first; None: nobody's. They are read where
    they are kept, with the job, and are gone when it is.
    """
    pairs = [
        *_pairs(session, lived_by=first, tried_by=second),
        *(
            Pair(pair.challenger, pair.champion, pair.agreement)
            for pair in _pairs(session, lived_by=second, tried_by=first)
        ),
    ]
    if not pairs:
        return None
    said = [] if tenant is None else _most_different(session, first, second, tenant, most)
    return {"tried": len(pairs), **_figures(pairs, timed=False), "answers": said}


def _figures(pairs: list[Pair], *, timed: bool) -> dict[str, Any]:
    agreement = agreed(pairs)
    return {
        "agreement": None if agreement is None else asdict(agreement),
        "metrics": figures(pairs, timed=timed),
    }


def _pairs(session: Session, *, lived_by: Version, tried_by: Version) -> list[Pair]:
    return [in_pair(*row) for row in answers.beside_jobs(session, LATELY, *_those(lived_by, tried_by))]


def _most_different(
    session: Session, first: Version, second: Version, tenant: UUID, most: int
) -> list[dict[str, Any]]:
    found: list[tuple[float, dict[str, Any]]] = []
    for lived_by, tried_by in ((first, second), (second, first)):
        those = _those(lived_by, tried_by)
        for alike, trial, job in answers.most_different(session, tenant, most, *those):
            one, other = (job, trial) if lived_by is first else (trial, job)
            said = _beside(job.input, one, other, trial.agreement) | {"job": str(job.id), "expected": None}
            found.append((alike, said))
    return [answer for _, answer in sorted(found, key=lambda one: one[0])[:most]]


def _those(lived_by: Version, tried_by: Version) -> tuple[ColumnElement[bool], ...]:
    return Trial.version_id == tried_by.id, Observation.version_id == lived_by.id


def _agreement(one: Trial, other: Trial) -> float | None:
    both = one.output is not None and other.output is not None
    return agreement(one.output, other.output) if both else None


def _beside(given: Any, one: Trial | Job, other: Trial | Job, alike: float | None) -> dict[str, Any]:
    texts = [_text(each.output) for each in (one, other)]
    return {
        "input": given,
        "a": _said(one),
        "b": _said(other),
        "agreement": alike,
        "differences": None if None in texts else differences(*map(str, texts)),
    }


def _said(end: Trial | Job) -> dict[str, Any]:
    right = end.right if isinstance(end, Trial) else None
    return {"output": end.output, "error": end.error, "right": right}


def _text(output: Any) -> str | None:
    if isinstance(output, dict):
        for name in ("text", "answer", "label"):
            if isinstance(output.get(name), str):
                return str(output[name])
    return None
