"""Before clients see anything of a challenger: what it makes of stored prompts and of a sample of live traffic."""

from dataclasses import asdict
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.orm import Session

from mainspring.release.paired import TROUBLES, Pair, Side, agreed, evidence, figures, sign_test
from mainspring.release.plan import RolloutPlan
from mainspring.tables import JobState, PromptSet, Rollout, Trial, TrialState
from mainspring.trials import answers

MOST = 4000  # of the latest: more than any plan asks for


class Verdict(NamedTuple):
    """`worse`: why it goes back, in words; None: it need not. `enough`: it may go on. `found`: for the row."""

    worse: str | None
    enough: bool
    found: dict[str, Any]


def beside(session: Session, rollout: Rollout) -> list[Pair]:
    """What was answered twice: by the champion for the client, by the challenger for nobody."""
    mine = (Trial.rollout_id == rollout.id, Trial.version_id == rollout.challenger_id)
    return [in_pair(*row) for row in answers.beside_jobs(session, MOST, *mine)]


def tested(session: Session, wanted: PromptSet, champion: UUID, challenger: UUID) -> tuple[list[Pair], int]:
    """What both made of the prompts, in their order; and how many not both have ended."""
    ended, missing = answers.of_prompts(session, wanted, champion, challenger)
    return [Pair(tried(one), tried(other), None) for _, one, other in ended], missing


def prompts_verdict(plan: RolloutPlan, pairs: list[Pair], missing: int) -> Verdict:
    """Once all are answered: worse, if it fails or is wrong where the champion is not, more often than chance has it."""
    found = {"answered": len(pairs), "missing": missing, "figures": figures(pairs)}
    if missing:
        return Verdict(None, False, found)
    alpha = plan.part / 2
    failed = sign_test([(not pair.champion.failed, not pair.challenger.failed) for pair in pairs])
    wrong = sign_test(
        [
            (pair.champion.right is True, pair.challenger.right is True)
            for pair in pairs
            if pair.champion.right is not None or pair.challenger.right is not None
        ]
    )
    found |= {"chance_of_failed": failed, "chance_of_wrong": wrong}
    for chance, what in ((failed, "failed with"), (wrong, "was wrong about")):
        if chance <= alpha:
            why = f"it {what} prompts that the champion managed; if it were no worse, the chance of that is {chance:.2g}"
            return Verdict(why, False, found)
    return Verdict(None, True, found)


def shadow_verdict(plan: RolloutPlan, pairs: list[Pair], unlikely: float | None) -> Verdict:
    """Worse as soon as the evidence says so, or, once enough were tried, if it agrees too little."""
    assert plan.shadow is not None
    seen, agreement = evidence(pairs, unlikely), agreed(pairs)
    found: dict[str, Any] = {
        "tried": len(pairs),
        "agreement": None if agreement is None else asdict(agreement),
        "figures": figures(pairs, timed=False),
        "evidence": {
            name: {
                "challenger": one.challenger,
                "champion": one.champion,
                "log_value": round(one.log_value, 4),
            }
            for name, one in seen.items()
        },
    }
    alpha = plan.part / len(TROUBLES)
    for name, one in seen.items():
        if one.convicts(alpha):
            why = (
                f"unseen by clients it was worse than the champion: of {one.challenger + one.champion} {TROUBLES[name]},"
                f" where the other's was not, {one.challenger} were its own; the evidence is 1 to e^{one.log_value:.1f}"
            )
            return Verdict(why, False, found)
    enough = len(pairs) >= plan.shadow.samples
    wanted = plan.shadow.agreement
    if enough and wanted is not None and agreement is not None and agreement.value < wanted:
        why = f"it agrees with the champion by {agreement.value:.0%}, and {wanted:.0%} are wanted"
        return Verdict(why, False, found)
    return Verdict(None, enough, found)


def in_pair(trial: Row[Any], seen: Row[Any]) -> Pair:
    """Who answered for a client first."""
    return Pair(lived(seen), tried(trial), trial.agreement)


def tried(trial: Trial | Row[Any]) -> Side:
    """Where nobody saw it."""
    return Side(
        failed=trial.state == TrialState.FAILED,
        tokens=(trial.usage or {}).get("completion_tokens"),
        seconds=trial.engine_seconds,
        likelihood=trial.mean_logprob,
        right=False if trial.state == TrialState.FAILED else trial.right,
    )


def lived(seen: Row[Any]) -> Side:
    """For a client."""
    known = seen.total_seconds is not None and seen.queue_seconds is not None
    return Side(
        failed=seen.state == JobState.FAILED,
        tokens=seen.completion_tokens,
        seconds=seen.total_seconds - seen.queue_seconds if known else None,
        likelihood=seen.mean_logprob,
    )
