"""Prompts whose answers are known to have to be so."""

import json
import re
from collections.abc import Sequence

from mainspring.evaluation.pairing import Scale, nothing
from mainspring.evaluation.plan import Check
from mainspring.evaluation.results import Estimate, Measured

_SCALE = Scale("golden", "share of prompts")
_LONGEST = 100_000  # signs of an answer that a regular expression is tried on


def passes(checks: Sequence[Check], answer: str) -> bool:
    """All that each of them asks for holds."""
    return all(passes_one(check, answer) for check in checks)


def passes_one(check: Check, answer: str) -> bool:
    said = answer.casefold() if check.ignore_case else answer

    def cased(text: str) -> str:
        return text.casefold() if check.ignore_case else text

    flags = re.IGNORECASE if check.ignore_case else re.NOFLAG
    return (
        (check.contains is None or cased(check.contains) in said)
        and (check.lacks is None or cased(check.lacks) not in said)
        and (check.matches is None or re.search(check.matches, answer[:_LONGEST], flags) is not None)
        and (check.equals is None or cased(check.equals).strip() == said.strip())
        and (check.max_length is None or len(answer) <= check.max_length)
        and (not (check.is_json or check.keys) or _is_json(answer, check.keys))
    )


def golden(outcomes: Sequence[tuple[bool, bool | None]]) -> Measured:
    """`golden`: of each prompt whether the challenger's answer passed and the champion's; None: there is no champion.

    The prompts are all there are and no sample of others, so that the figures are what they are.
    """
    count = len(outcomes)
    if count == 0:
        return nothing(_SCALE)
    own = sum(one for one, _ in outcomes) / count
    paired = all(other is not None for _, other in outcomes)
    champion = sum(bool(other) for _, other in outcomes) / count
    lost = [number for number, (one, other) in enumerate(outcomes) if other and not one]
    return Measured(
        name=_SCALE.name,
        unit=_SCALE.unit,
        better=_SCALE.better,
        challenger=_whole(own),
        champion=_whole(champion) if paired else None,
        difference=_whole(own - champion) if paired else None,
        items=count,
        clusters=count,
        details={"whole": True, "lost": lost[:100]},
    )


def _whole(value: float) -> Estimate:
    return Estimate(value, value, value)


def _is_json(answer: str, keys: Sequence[str]) -> bool:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return not keys or (isinstance(found, dict) and set(keys) <= set(found))
