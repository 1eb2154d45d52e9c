"""The road of a candidate as far as no client's request goes: testing, then staging. Its rollout is held there by a pause,
which a person ends: `mainspring resume`, `promote` or `abort`."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mainspring.checking.cases import NotGoodEnough
from mainspring.client import Client, Refused
from mainspring.errors import Conflict, ModelRefused
from mainspring.release.plan import RolloutPlan, ShadowPlan

WHY = "mainspring ci"  # how the reason of a rollout begins that a run has begun
_WITH_CLIENTS = ("canary", "waiting")


@dataclass(frozen=True)
class Road:
    """Of one deployment's candidate. `seconds`: how long it is waited for a stage; `pause`: between two looks."""

    api: Client
    deployment: str
    version: str
    seconds: float
    pause: Callable[[], None]

    def open_rollout(self) -> dict[str, Any] | None:
        found = self.api.request("GET", f"/v1/deployments/{self.deployment}/rollouts")["rollouts"]
        return next((one for one in found if one["ended_at"] is None), None)

    def into_testing(self, called: str, policy: dict[str, Any]) -> None:
        """Returns when workers have it, and its rollout is paused. `called`: the set that it is tested with first.

        Raises NotGoodEnough if no worker can hold it or it was taken back, TimeoutError, Refused.
        """
        rollout = self.open_rollout()
        if rollout is None:
            body = {"version": self.version, "plan": plan(policy, called), "reason": WHY}
            rollout = self.api.request("POST", f"/v1/deployments/{self.deployment}/rollouts", json=body)[
                "rollout"
            ]
            assert rollout is not None, "a plan with steps, beside a version in production"
        elif self._is(rollout, state="loading", stage="testing"):
            self._act("resume")  # of a run that was cut off
        self._until(lambda one: one["state"] != "loading" or self._stage() != "testing")

    def judged(self) -> str:
        """What the server makes of the prompts of its rollout, in words. Raises NotGoodEnough if it takes it back."""

        def there(rollout: dict[str, Any]) -> bool:
            return bool(rollout["judged"].get("testing", {}).get("missing") == 0)

        self._until(there)
        return f"no worse with {self._rollout()['judged']['testing']['answered']} prompts"

    def into_staging(self) -> None:
        """Returns when a worker of the staging environment has it; paused before it has a share of new work."""
        if self._stage() != "staging" or self._rollout()["state"] != "shadow":
            self._act("resume")
            self._until(lambda one: one["state"] != "testing" and one["state"] != "loading")

    def hold(self) -> None:
        """Whatever happens now, no client is answered by it."""
        rollout = self.open_rollout()
        if rollout is not None and rollout["challenger"] == self.version and not rollout["paused"]:
            self._act("pause")

    def back(self, why: str) -> None:
        """It is rejected. Nothing, if it was taken back already."""
        rollout = self.open_rollout()
        if rollout is not None and rollout["challenger"] == self.version:
            self._act("rollback", f"{WHY}: {why}"[:1000])

    def _until(self, there: Callable[[dict[str, Any]], bool]) -> None:
        """Then it is paused."""
        until = time.monotonic() + self.seconds
        while True:
            rollout = self._rollout()
            if rollout["ended_at"] is not None:
                raise NotGoodEnough(
                    f"it was taken back: {self._reason()}", remedy="Mend what is named there."
                )
            if rollout["state"] in _WITH_CLIENTS or there(rollout):
                break
            if time.monotonic() > until:
                raise TimeoutError(f"{self.version} is still {rollout['state']} after {self.seconds:.0f} s")
            self.pause()
        self.hold()
        if (state := self._rollout()["state"]) in _WITH_CLIENTS:
            self.back("it had a share of clients' work before it was held")
            raise Conflict(
                f"the rollout was {state} before it could be held, and was taken back",
                field="candidate",
                remedy="Run it again; give the policy's rollout a shadow of more samples.",
            )

    def _rollout(self) -> dict[str, Any]:
        """The latest of the candidate."""
        found = self.api.request("GET", f"/v1/deployments/{self.deployment}/rollouts")["rollouts"]
        return next(one for one in found if one["challenger"] == self.version)

    def _is(self, rollout: dict[str, Any], *, state: str, stage: str) -> bool:
        return bool(rollout["paused"] and rollout["state"] == state and self._stage() == stage)

    def _act(self, verb: str, why: str = WHY) -> None:
        rollout = self.open_rollout()
        if rollout is None:
            return
        try:
            self.api.request("POST", f"/v1/rollouts/{rollout['id']}/{verb}", json={"reason": why})
        except Refused as refused:
            if refused.status != 409:  # it has ended by itself since
                raise

    def _stage(self) -> str:
        return str(self._listed()["stage"])

    def _reason(self) -> str:
        return str(self._listed()["reason"] or "nobody said why")

    def _listed(self) -> dict[str, Any]:
        found = self.api.request("GET", f"/v1/deployments/{self.deployment}/versions")["versions"]
        return next(one for one in found if one["version"] == self.version)


def plan(policy: dict[str, Any], called: str) -> dict[str, Any]:
    """The policy's, with that set and a shadow: the stage staging is not passed through at once. Without one, a plan that
    waits for a person's word."""
    given = dict(policy.get("rollout") or {"approval": True})
    if not given.get("steps", True):
        given |= {"steps": list(RolloutPlan().steps), "approval": True}
    shadow = given.get("shadow") or ShadowPlan().model_dump(mode="json")
    return given | {"prompts": called, "shadow": shadow}


def make_way(api: Client, deployment: str, is_candidate: Callable[[dict[str, Any]], bool]) -> None:
    """A candidate that an earlier run left waiting gives way to another one. Raises Conflict for any other rollout.

    `is_candidate`: whether a version, as the server lists it, is the one that shall be tested now.
    """
    found = api.request("GET", f"/v1/deployments/{deployment}/rollouts")["rollouts"]
    rollout = next((one for one in found if one["ended_at"] is None), None)
    if rollout is None:
        return
    if rollout["reason"] != WHY or not rollout["paused"] or rollout["share"] > 0:
        raise Conflict(
            f"the rollout of {rollout['challenger']} is open, and one at a time is",
            field="deployment",
            remedy=f"Promote it, roll it back or abort it first: mainspring rollouts {deployment} shows how far it is.",
        )
    versions = api.request("GET", f"/v1/deployments/{deployment}/versions")["versions"]
    if not any(one["version"] == rollout["challenger"] and is_candidate(one) for one in versions):
        body = {"reason": f"{WHY}: another candidate comes instead"}
        api.request("POST", f"/v1/rollouts/{rollout['id']}/abort", json=body)


def until_held(road: Road) -> None:
    """Wait until a worker has it. Raises ModelRefused if none can hold it, TimeoutError."""
    until = time.monotonic() + road.seconds
    while True:
        workers = road.api.request("GET", f"/v1/deployments/{road.deployment}")["workers"]
        found = {one["state"]: one for one in workers if one["version"] == road.version}
        if "ready" in found:
            return
        if "refused" in found:
            raise ModelRefused(f"no worker can hold it: {found['refused']['reason']}", field="candidate")
        if time.monotonic() > until:
            raise TimeoutError(f"no worker has {road.version} after {road.seconds:.0f} s")
        road.pause()
