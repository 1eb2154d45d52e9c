"""What is measured of a candidate beside the champion, and what the gate of the deployment's policy says of it."""

import time
from collections.abc import Iterator
from typing import Any

from mainspring.checking.candidate import Candidate
from mainspring.checking.cases import Case, Outcome
from mainspring.errors import MainspringError

SUITE = "evaluation"
LONGEST = 3600.0  # seconds: measuring takes longer than an answer
_OUTCOMES = {"accept": Outcome.PASSED, "reject": Outcome.FAILED, "needs_human": Outcome.FAILED}
_REMEDIES = {
    "reject": "Train it otherwise, or ask for less: `gate` in the policy.",
    "needs_human": "Measure more (`evaluation` in the policy), or look at it and release it by hand.",
}


class EvaluationEnded(MainspringError):
    """It ended without results."""

    code = "evaluation_ended"
    title = "The evaluation has no results"


def judged(candidate: Candidate) -> Iterator[Case]:
    """A case for each metric of which something is asked. None where the policy names neither `evaluation` nor `gate`.

    Raises TimeoutError, Refused, EvaluationEnded.
    """
    policy = candidate.api.request("GET", f"/v1/deployments/{candidate.deployment}")["policy"]
    if not {"evaluation", "gate"} & policy.keys():
        return
    began = time.monotonic()
    verdict = _verdict(candidate, candidate.api.evaluate(candidate.version)["id"], began)
    seconds = time.monotonic() - began
    for found in verdict["findings"]:
        if found["asked"] != "informs":
            asks = found["asks"]
            yield Case(
                SUITE,
                f"{found['name']} {found['asked'].replace('_', ' ')}",
                _OUTCOMES[asks],
                found["sentence"],
                _REMEDIES.get(asks),
            )
    decision = verdict["decision"]
    reasons = " ".join(verdict["reasons"])
    yield Case(SUITE, "verdict", _OUTCOMES[decision], reasons, _REMEDIES.get(decision), seconds)


def _verdict(candidate: Candidate, evaluation: str, began: float) -> dict[str, Any]:
    """Once it is there."""
    while True:
        found = candidate.api.evaluation(evaluation)
        if found["verdict"] is not None:
            return dict(found["verdict"])
        if found["state"] in ("failed", "cancelled"):
            said = (found["error"] or {}).get("detail", found["state"])
            raise EvaluationEnded(said, remedy="See the train worker's log.")
        if time.monotonic() > began + max(candidate.seconds, LONGEST):
            raise TimeoutError(f"the evaluation {evaluation} has not ended")
        candidate.pause()
