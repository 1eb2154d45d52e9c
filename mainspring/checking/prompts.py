"""What a candidate makes of stored prompts, beside the champion: it answers, it is right, it agrees."""

import hashlib
import json
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mainspring.checking.candidate import Candidate, GivenSet
from mainspring.checking.cases import Case, Outcome
from mainspring.client import Client
from mainspring.errors import InvalidRequest

SUITE = "prompts"
_MOST_NAMED = 10  # prompts, by their places


def unnamed(prompts: list[dict[str, Any]]) -> str:
    """A name for a set that has none: the same prompts have the same."""
    said = json.dumps(prompts, sort_keys=True, ensure_ascii=False)
    return f"ci-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def keep(api: Client, name: str, given: Sequence[GivenSet]) -> None:
    """Store those that came as prompts. Raises Refused."""
    for one in given:
        if one.prompts is not None:
            with one.located():
                api.request(
                    "PUT", f"/v1/deployments/{name}/prompts/{one.name}", json={"prompts": one.prompts}
                )


def chosen(api: Client, name: str, given: Sequence[GivenSet], policy: dict[str, Any]) -> tuple[str, ...]:
    """The sets to be asked: those that are given, else that of the policy, else all there are. Raises InvalidRequest."""
    there = [one["name"] for one in api.request("GET", f"/v1/deployments/{name}/prompts")["sets"]]
    usual = (policy.get("rollout") or {}).get("prompts")
    wanted = [one.name for one in given] or ([usual] if usual else there)
    missing = [one for one in wanted if one not in there]
    if missing or not wanted:
        what = f"`{name}` has no prompts" + (
            f" of the name `{missing[0]}`" if missing else " to be tested with"
        )
        remedy = "Give some, --prompts FILE, or --prompts NAME=FILE for those that the policy names."
        raise InvalidRequest(what, field="prompts", remedy=remedy)
    return tuple(dict.fromkeys(wanted))


def answered(candidate: Candidate) -> Iterator[Case]:
    """Of each set three cases at most. Raises TimeoutError, Refused."""
    for called in candidate.sets:
        began = time.monotonic()
        found = _beside(candidate, called)
        seconds = time.monotonic() - began
        yield _all(called, found, seconds)
        if any(one["expected"] is not None for one in found["answers"]):
            yield _right(called, candidate, found)
        if candidate.champion is not None:
            yield _alike(called, candidate, found)


def _beside(candidate: Candidate, called: str) -> dict[str, Any]:
    """What both said, once both have said it."""
    path = f"/v1/deployments/{candidate.deployment}"
    first = candidate.champion or candidate.version
    versions = list(dict.fromkeys([first, candidate.version]))
    candidate.api.request("POST", f"{path}/prompts/{called}/trials", json={"versions": versions})
    until = time.monotonic() + candidate.seconds
    asked = {"a": first, "b": candidate.version, "prompts": called, "answers": 0}
    while True:
        found: dict[str, Any] = candidate.api.request("GET", f"{path}/compare", params=asked)["prompts"]
        if not found["missing"]:
            return found
        if time.monotonic() > until:
            raise TimeoutError(
                f"{found['missing']} prompts of {called} were not answered in {candidate.seconds:.0f} s"
            )
        candidate.pause()


def _all(called: str, found: dict[str, Any], seconds: float) -> Case:
    answers = found["answers"]
    failed = [place for place, one in enumerate(answers, 1) if one["b"]["error"] is not None]
    if not failed:
        return Case(SUITE, f"answers {called}", Outcome.PASSED, f"all {len(answers)} answered", None, seconds)
    codes = sorted({str(answers[place - 1]["b"]["error"]["code"]) for place in failed})
    too = sum(answers[place - 1]["a"]["error"] is not None for place in failed)
    detail = f"{len(failed)} of {len(answers)} failed ({', '.join(codes)}): {_places(failed)}"
    detail += f"; the champion fails with {too} of them, too" if too else ""
    remedy = "Look at what was said: mainspring compare, or mainspring prompts."
    return Case(SUITE, f"answers {called}", Outcome.FAILED, detail, remedy, seconds)


def _right(called: str, candidate: Candidate, found: dict[str, Any]) -> Case:
    asked = [(place, one) for place, one in enumerate(found["answers"], 1) if one["expected"] is not None]
    own, other = (sum(one[side]["right"] is True for _, one in asked) for side in ("b", "a"))
    least: float = len(asked) if candidate.champion is None else other
    if candidate.demands.right is not None:
        least = candidate.demands.right * len(asked)
    detail = f"{own} of {len(asked)} as expected"
    detail += "" if candidate.champion is None else f", the champion {other}"
    if own >= least:
        return Case(SUITE, f"expected of {called}", Outcome.PASSED, detail)
    wrong = _places(place for place, one in asked if one["b"]["right"] is not True)
    remedy = "Look at what both said: mainspring compare; or ask for less: --right."
    return Case(SUITE, f"expected of {called}", Outcome.FAILED, f"{detail}; not so: {wrong}", remedy)


def _alike(called: str, candidate: Candidate, found: dict[str, Any]) -> Case:
    name, least = f"agreement with {called}", candidate.demands.agreement
    both = [one["agreement"] for one in found["answers"] if one["agreement"] is not None]
    if not both:
        return Case(SUITE, name, Outcome.SKIPPED, "there is nothing that both have answered")
    value, figure = math.fsum(both) / len(both), found["agreement"]
    interval = "" if figure is None else f" ({figure['low']:.0%} to {figure['high']:.0%})"
    detail = f"agrees with {candidate.champion} by {value:.0%}{interval}, of {len(both)}"
    if least is None or value >= least:
        return Case(SUITE, name, Outcome.PASSED, detail)
    remedy = "See where they differ: mainspring compare; or ask for less: --agreement."
    return Case(SUITE, name, Outcome.FAILED, f"{detail}; {least:.0%} are wanted", remedy)


def _places(places: Iterable[int]) -> str:
    found = list(places)
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return f"prompts {', '.join(map(str, found[:_MOST_NAMED]))}{more}"
