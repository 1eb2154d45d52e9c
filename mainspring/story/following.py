"""Follows what goes on by itself, and says each turn that it takes."""

from typing import Any, Protocol

from mainspring.client import Client
from mainspring.story.figures import Round
from mainspring.story.narrator import Narrator

_WORDS = {
    "curating": "Curating: what was asked with consent, the library's documents nearest to it, and what was known before.",
    "training": "Training: from the version in production, with those.",
    "evaluating": "Evaluating: both versions on the same held-out texts.",
    "releasing": "Releasing.",
}
_GOOD = frozenset({"released", "refused", "rolled_back", "waiting"})


class Seen(Protocol):
    """What is needed of a stage."""

    @property
    def api(self) -> Client: ...

    @property
    def narrator(self) -> Narrator: ...


def follow(on: Seen, what: str, path: str) -> dict[str, Any]:
    """A dataset or a training run to its end. Raises StackError when it does not succeed."""
    found: dict[str, Any] = {}

    def look() -> dict[str, Any] | None:
        found.update(on.api.request("GET", path))
        return found if found["finished_at"] is not None else None

    ended = on.narrator.until(what, look, lambda: _far(found))
    if ended["state"] != "succeeded":
        raise on.narrator.stuck(f"{what} {ended['state']}: {(ended['error'] or {}).get('detail')}")
    return ended


def round_of(on: Seen, refresh_id: str, called: str) -> Round:
    """A refresh to its end, with all that it was made of and judged by. Raises StackError if it is parked or cancelled."""
    turns = _Turns(on)
    ended = on.narrator.until(called, lambda: turns.look(refresh_id), turns.far)
    if ended["state"] not in _GOOD:
        raise on.narrator.stuck(f"the refresh was {ended['state']}: {ended['reason']}")
    return _round(on.api, ended, called)


class _Turns:
    """Each turn is said once."""

    def __init__(self, on: Seen) -> None:
        self._on, self._told, self._now = on, set[str](), dict[str, Any]()

    def look(self, refresh_id: str) -> dict[str, Any] | None:
        """The refresh, once it has ended or waits for a word, which no policy of the story asks for."""
        now = self._now = self._on.api.request("GET", f"/v1/refreshes/{refresh_id}")
        for turn in now["history"]:
            self._tell(turn["kind"] + turn["at"], turn["kind"].removeprefix("refresh."), turn["reason"])
        for line in self._release():
            self._tell(line, "", line)
        return now if now["ended_at"] is not None or now["state"] == "waiting" else None

    def far(self) -> str:
        return _far(self._now["work"]) if self._now.get("work") else ""

    def _tell(self, key: str, kind: str, reason: str) -> None:
        if key in self._told:
            return
        self._told.add(key)
        judged = (self._now["judged"] or {}).get("reasons", [])
        first, *rest = judged if reason == " ".join(judged) else [reason]
        self._on.narrator.say(
            sentence(f"A better version is asked for: {first}" if kind == "begun" else first)
        )
        for one in rest:
            self._on.narrator.say(one, keep=False)
        if kind in _WORDS:
            self._on.narrator.say(_WORDS[kind], keep=False)

    def _release(self) -> list[str]:
        """What a rollout goes through, once there is one."""
        if self._now["rollout"] is None:
            return []
        one = self._on.api.request("GET", f"/v1/rollouts/{self._now['rollout']}")
        return [_stage(one)]


def sentence(said: str) -> str:
    """With a capital letter, unless it begins with a version's name, and a full stop."""
    first = said.partition(" ")[0]
    begun = said if "@" in first else said[:1].upper() + said[1:]
    return begun if begun.endswith(".") else f"{begun}."


def _stage(rollout: dict[str, Any]) -> str:
    name, share = rollout["challenger"], rollout["share"]
    match rollout["state"]:
        case "loading":
            return f"{name} is being loaded."
        case "testing" | "shadow":
            return f"{name} answers in the shadow of {rollout['champion']}, where no client sees it."
        case "canary":
            return f"{name} answers {share:.0%} of new work."
        case state:
            return f"The rollout of {name} is {state.replace('_', ' ')}."


def _far(work: dict[str, Any]) -> str:
    """What long work is doing: of a training its step, its loss, how long it still takes."""
    return str(work["activity"] or work["state"]) if work else ""


def _round(api: Client, refresh: dict[str, Any], called: str) -> Round:
    dataset = _of(api, "datasets", refresh["dataset"])
    run, evaluation = (
        _of(api, "training-runs", refresh["run"]),
        _of(api, "evaluations", refresh["evaluation"]),
    )
    verdict, results = refresh["judged"] or {}, evaluation.get("results") or {}
    return Round(
        name=called,
        asked=tuple(refresh["asked"]),
        state=refresh["state"],
        reason=refresh["reason"],
        version=refresh["version"],
        decision=verdict.get("decision"),
        reasons=tuple(verdict.get("reasons", ())),
        would_change=tuple(verdict.get("would_change", ())),
        traded=tuple(verdict.get("traded", ())),
        measured=tuple(results.get("measured", ())),
        level=results.get("level", 0.95),
        rows=dataset.get("rows") or {},
        card={key: value for key, value in (dataset.get("card") or {}).items() if key != "examples"},
        training=run.get("measures") or {},
    )


def _of(api: Client, kind: str, one: str | None) -> dict[str, Any]:
    return {} if one is None else api.request("GET", f"/v1/{kind}/{one}")
