"""Two versions with the same questions, as people compare them: answer beside answer, and the figures of all."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from mainspring.release.paired import Pair, agreed, figures
from mainspring.release.shadow import in_pair, tried
from mainspring.tables import Observation, Prompt, PromptSet, Trial, Version
from mainspring.trials import answers
from mainspring.trials.agreement import agreement, differences

LATELY = 2000


def with_prompts(session: Session, wanted: PromptSet, first: Version, second: Version) -> dict[str, Any]:
    """`answers`: of each prompt what both said, and where they differ. `missing`: prompts that both have not ended."""
    ended, missing = answers.of_prompts(session, wanted, first.id, second.id)
    said = [_beside(*each) for each in ended]
    pairs = [
        Pair(tried(one), tried(other), answer["agreement"])
        for (_, one, other), answer in zip(ended, said, strict=True)
    ]
    found = _figures(pairs, timed=True)
    return {"set": wanted.name, "missing": missing, **found, "answers": said}


def in_shadow(session: Session, first: Version, second: Version) -> dict[str, Any] | None:
    """What one has tried of the jobs that the other answered, whichever it was. None: nothing."""
    pairs = [
        *_pairs(session, lived_by=first, tried_by=second),
        *(
            Pair(pair.challenger, pair.champion, pair.agreement)
            for pair in _pairs(session, lived_by=second, tried_by=first)
        ),
    ]
    return {"tried": len(pairs), **_figures(pairs, timed=False)} if pairs else None


def _figures(pairs: list[Pair], *, timed: bool) -> dict[str, Any]:
    agreement = agreed(pairs)
    return {
        "agreement": None if agreement is None else asdict(agreement),
        "metrics": figures(pairs, timed=timed),
    }


def _pairs(session: Session, *, lived_by: Version, tried_by: Version) -> list[Pair]:
    those = (Trial.version_id == tried_by.id, Observation.version_id == lived_by.id)
    return [in_pair(*row) for row in answers.beside_jobs(session, LATELY, *those)]


def _beside(prompt: Prompt, one: Trial, other: Trial) -> dict[str, Any]:
    both = one.output is not None and other.output is not None
    texts = [_text(each.output) for each in (one, other)]
    return {
        "input": prompt.input,
        "expected": prompt.expected,
        "a": _said(one),
        "b": _said(other),
        "agreement": agreement(one.output, other.output) if both else None,
        "differences": None if None in texts else differences(*map(str, texts)),
    }


def _said(trial: Trial) -> dict[str, Any]:
    return {"output": trial.output, "error": trial.error, "right": trial.right}


def _text(output: Any) -> str | None:
    if isinstance(output, dict):
        for name in ("text", "answer", "label"):
            if isinstance(output.get(name), str):
                return str(output[name])
    return None
