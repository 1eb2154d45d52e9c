"""One run, from the file to the verdict: validate, register, test, stage. What each step finds is a case."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from mainspring.checking import configuration, prompts
from mainspring.checking.candidate import (
    ANSWERING,
    Candidate,
    Demands,
    GivenSet,
    deployment_of,
    is_label,
    registered,
    require_champion,
)
from mainspring.checking.cases import Case, Outcome, Record, Report, Stopped
from mainspring.checking.checks import CHECKS, Check
from mainspring.checking.road import Road, make_way, until_held
from mainspring.client import Client
from mainspring.declaring.applying import Applying
from mainspring.declaring.lines import Document
from mainspring.declaring.reading import Wanted
from mainspring.errors import InvalidRequest, MainspringError
from mainspring.registry import expected_digest
from mainspring.tables import Task


@dataclass(frozen=True)
class Asked:
    """What a run is about. `model`: a folder, a hub id or a version; None: the one that the file declares.

    `apart`: on a stack of its own, where what the file declares is made first, with `champion` as its model if that is
    given. `stage`: bring it into staging.
    """

    file: Path
    model: str | None = None
    deployment: str | None = None
    revision: str | None = None
    base: str | None = None
    sets: tuple[GivenSet, ...] = ()
    demands: Demands = field(default_factory=Demands)
    apart: bool = False
    champion: str | None = None
    stage: bool = False
    seconds: float = 900.0


@dataclass
class Run:
    """`clock`: seconds; `pause`: between two looks at what others do. Used once: validate(), then, if that went well,
    prove(), then report()."""

    asked: Asked
    clock: Callable[[], float]
    pause: Callable[[], None]
    checks: Sequence[Check] = CHECKS
    facts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record = Record(self.clock)
        self._document: Document | None = None
        self._wanted: dict[str, Wanted] = {}

    def validate(self, sets: tuple[GivenSet, ...] = ()) -> bool:
        """Whether the file is right, as far as that is known without a server, and says what is meant. `sets`: the prompts."""
        self.asked = replace(self.asked, sets=sets)
        self._document, self._wanted, cases = configuration.validated(self.asked.file)
        self.record.cases += cases
        if any(case.outcome is Outcome.FAILED for case in cases):
            return False
        with suppress(Stopped), self.record.case("candidate", "is named") as said:
            name = deployment_of(self.asked.deployment, self.asked.model, list(self._wanted))
            self.asked = replace(self.asked, deployment=name, **self._model(self._wanted[name]))
            self.facts |= {"deployment": name, "candidate": str(self.asked.model)}
            said.detail = str(self.asked.model)
            return True
        return False

    def prove(self, api: Client) -> None:
        """Against that api. What goes wrong is in the cases."""
        with suppress(Stopped), self.record.case("candidate", "is looked at", silent=True):
            self._prove(api, self.asked.deployment or "")

    def could_not(self, error: MainspringError) -> None:
        """There is no api to prove it against."""
        with suppress(Stopped), self.record.case("candidate", "has an api"):
            raise error

    def report(self, at: datetime) -> Report:
        return Report(at, self.facts, tuple(self.record.cases), tuple(self.notes))

    def _model(self, wanted: Wanted) -> dict[str, Any]:
        """Of the one who asks, or else of the file."""
        if self.asked.model is not None:
            if self.asked.apart and is_label(self.asked.model):
                raise InvalidRequest(
                    f"a stack of its own has no {self.asked.model}",
                    field="candidate",
                    remedy="Give its folder or its hub id; or leave --embedded out.",
                )
            return {}
        if wanted.model is None:
            raise InvalidRequest(
                "there is no candidate",
                field="candidate",
                remedy="Give one: --candidate; or declare a `model:`.",
            )
        return {"model": wanted.model, "revision": wanted.revision, "base": wanted.base}

    def _prove(self, api: Client, name: str) -> None:
        if self.asked.apart:
            with self.record.case("configuration", f"{name} is made as declared"):
                self._make(api, name)
        else:
            self._compare(api, name)
        with self.record.case("candidate", "is registered") as said:
            candidate, policy, version = self._register(api, name)
            said.detail = (
                f"{version['version']}, {version['digest'][:12]}, {version['licence'] or 'no licence'}"
            )
        road = Road(api, name, candidate.version, self.asked.seconds, self.pause)
        alone = candidate.champion is None or version["stage"] in ANSWERING
        with self._held(road):
            if alone:
                with self.record.case("candidate", "is loaded"):
                    until_held(road)
            else:
                self._test(road, candidate, policy)
            for check in self.checks:
                with self.record.case("checks", getattr(check, "__name__", "check"), silent=True):
                    self.record.cases += check(candidate)
            self._end(road, alone=alone)

    def _test(self, road: Road, candidate: Candidate, policy: dict[str, Any]) -> None:
        with self.record.case("candidate", "is loaded in testing"):
            road.into_testing(candidate.sets[0], policy)
        with self.record.case("prompts", f"no worse than {candidate.champion}") as said:
            said.detail = road.judged()

    def _compare(self, api: Client, name: str) -> None:
        assert self._document is not None
        with self.record.case("configuration", "the server takes it") as said:
            make_way(api, name, self._is_candidate)
            found = list(configuration.compared(api, self._document, self._wanted))
            said.detail = f"{len(found)} differences" if found else "nothing would change"
        self.notes += [one for one in found if isinstance(one, str)]
        wrong = [one for one in found if isinstance(one, Case)]
        self.record.cases += wrong
        if wrong:
            self.record.cases = [case for case in self.record.cases if case.name != "the server takes it"]
            raise Stopped

    def _is_candidate(self, version: dict[str, Any]) -> bool:
        """As far as it is known before it is registered."""
        asked, model = self.asked, str(self.asked.model)
        if is_label(model):
            return bool(version["version"] == model)
        if asked.base is None and Path(model).is_dir():
            with suppress(MainspringError):  # said where it is registered
                return bool(version["digest"] == expected_digest(Path(model), self._task))
            return False
        names = ("hub", "revision", "base")
        return tuple(map(version["source"].get, names)) == (model, asked.revision, asked.base)

    @property
    def _task(self) -> Task:
        return self._wanted[self.asked.deployment or ""].task

    def _make(self, api: Client, name: str) -> None:
        """On the stack of its own: the prompts first, since the policy may name them, then what the file declares of the
        deployment and of what its adapter changes."""
        assert self._document is not None
        self._require_sets(self._wanted[name].policy or {})
        below = (self._wanted[name].base or self.asked.base or "").rpartition("@")[0]
        for one in [*([below] if below in self._wanted and below != name else []), name]:
            wanted = self._wanted[one]
            api.request("PUT", f"/v1/deployments/{one}", json={"task": wanted.task.value})
            if one == name:
                prompts.keep(api, name, self.asked.sets)
            other = self.asked.champion if one == name else None
            if other is not None or (one == name and wanted.model == self.asked.model):
                wanted = wanted.model_copy(update={"model": other, "base": None, "revision": None})
            all_of_them = self._wanted | {one: wanted}
            for change in Applying(api, self._document, all_of_them, one, dry_run=False).changes():
                self.notes.append(change.said)

    def _require_sets(self, policy: dict[str, Any]) -> None:
        given = {one.name for one in self.asked.sets if one.prompts is not None}
        named = [(policy.get(part) or {}).get("prompts") for part in ("rollout", "drift")]
        if missing := [one for one in named if one is not None and one not in given]:
            raise InvalidRequest(
                f"the policy names the prompts `{missing[0]}`, which a stack of its own has not",
                field="prompts",
                remedy=f"Give them: --prompts {missing[0]}=FILE.",
            )

    def _register(self, api: Client, name: str) -> tuple[Candidate, dict[str, Any], dict[str, Any]]:
        """The candidate, the policy, and the version as the server lists it."""
        asked = self.asked
        if not asked.apart:
            require_champion(api, name)
        prompts.keep(api, name, asked.sets)
        policy = api.request("GET", f"/v1/deployments/{name}")["policy"]
        sets = prompts.chosen(api, name, asked.sets, policy)
        more = {"revision": asked.revision, "base": asked.base}
        version = registered(api, name, str(asked.model), **more, seconds=asked.seconds)
        label, champion = version["version"], require_champion(api, name)
        other = None if champion == label else champion
        self.facts |= {"candidate": label, "digest": version["digest"], "champion": other or "-"}
        self.facts["prompts"] = ", ".join(sets)
        found = Candidate(api, name, label, other, sets, self._demands(policy), asked.seconds, self.pause)
        return found, policy, version

    def _demands(self, policy: dict[str, Any]) -> Demands:
        shadow = (policy.get("rollout") or {}).get("shadow") or {}
        if self.asked.demands.agreement is None and shadow.get("agreement") is not None:
            return replace(self.asked.demands, agreement=shadow["agreement"])
        return self.asked.demands

    def _end(self, road: Road, *, alone: bool) -> None:
        failed = [case.name for case in self.record.cases if case.outcome is Outcome.FAILED]
        if failed:
            if not alone:
                road.back(f"it did not pass: {', '.join(failed)}")
                self.notes.append(f"{road.version} was taken back and is rejected.")
            return
        if alone:
            self.notes.append(f"{road.version} answers for {road.deployment} already.")
        elif self.asked.stage:
            with self.record.case("staging", "is loaded in staging"):
                road.into_staging()
        if not alone:
            where = "staging" if self.asked.stage else "testing"
            self.notes.append(
                f"{road.version} waits in {where}: mainspring resume {road.deployment} lets it go on as the policy says, "
                f"mainspring promote {road.deployment} lets it answer at once, mainspring abort {road.deployment} ends it."
            )

    @contextmanager
    def _held(self, road: Road) -> Iterator[None]:
        """However it ends, the candidate has no client."""
        whole = False
        try:
            yield
            whole = True
        finally:
            if not whole:
                with suppress(MainspringError, httpx.HTTPError):
                    road.hold()
