"""Make one deployment as a file declares it, by the server's own verbs; or find out what that would change."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mainspring.client import Client, Refused
from mainspring.declaring.difference import Change, declared, filled
from mainspring.declaring.lines import Document
from mainspring.declaring.reading import Wanted
from mainspring.declaring.versions import Now, answering, bystander, registered, weighted
from mainspring.errors import BadDeclaration, MainspringError, UnknownDeployment
from mainspring.registry import expected_digest


class Applying:
    """One deployment. What one change leads to the next one sees, except when nothing is changed (`dry_run`).

    `note`: once the changes are through, what is worth knowing and is no change.
    """

    def __init__(
        self, api: Client, document: Document, wanted: dict[str, Wanted], name: str, *, dry_run: bool
    ) -> None:
        self._api, self._document, self._dry = api, document, dry_run
        self._all, self._name, self._wanted = wanted, name, wanted[name]
        self._path = f"/v1/deployments/{name}"
        self.note: str | None = None

    def changes(self) -> Iterator[Change]:
        """Each is made before the next one is looked for. Raises BadDeclaration, which names the line."""
        found = self._found(self._path)
        if found is not None and found["task"] != self._wanted.task.value:
            raise self._wrong(
                ["task"],
                f"the deployment is for {found['task']}",
                "A deployment keeps its task: choose another name.",
            )
        if self._dry:
            self._require_prompts(there=found is not None)
        for change in declared(self._name, self._wanted, found):
            self._make(["policy"], "PUT", self._path, change.body)
            yield change
        yield from self._versions(self._digest())

    def _versions(self, digest: str | None) -> Iterator[Change]:
        now = self._now()
        with self._at("model"):
            made = registered(self._name, self._wanted, now, digest)
        if made is not None:
            self._register()
            yield made
            now = now.after(self._name, made) if self._dry else self._now()
        if made is None or not self._dry:  # else it is on its way
            with self._at("model"):
                brought = answering(self._name, self._wanted, now, digest)
            if brought is not None:
                self._make(["model"], "POST", f"{self._path}/rollouts", brought.body | self._why)
                yield brought
                now = self._now()
        with self._at("weights"):
            shared = weighted(self._name, self._wanted, now)
        if shared is not None:
            self._share(shared, now)
            yield shared
        self.note = bystander(self._name, self._wanted, now, digest)

    def _register(self) -> None:
        if self._dry:
            return
        try:
            self._api.register(
                self._wanted.model or "",
                deployment=self._name,
                revision=self._wanted.revision,
                base=self._wanted.base,
                hold=self._wanted.weights is not None,  # which say how it takes over
            )
        except MainspringError as error:
            where = "base" if error.field == "base" else "model"
            raise self._wrong([where], error.detail, error.remedy or "") from error

    def _share(self, change: Change, now: Now) -> None:
        rollout = None if now.rollout is None else f"/v1/rollouts/{now.rollout['id']}"
        if change.verb == "takes_over" and rollout is not None:
            self._make(["weights"], "POST", f"{rollout}/promote", self._why)
        elif change.verb == "reshares":
            self._make(["weights"], "PUT", f"{rollout}/plan", change.body | self._why)
        else:
            self._make(["weights"], "POST", f"{self._path}/rollouts", change.body | self._why)

    @property
    def _why(self) -> dict[str, str]:
        return {"reason": f"{self._document.path.name} says so"}

    def _now(self) -> Now:
        found = self._found(self._path)
        policy = self._wanted.policy if found is None or self._wanted.policy is not None else found["policy"]
        if found is None:
            return Now(policy=policy)
        versions = self._api.request("GET", f"{self._path}/versions")["versions"]
        rollouts = self._api.request("GET", f"{self._path}/rollouts")["rollouts"]
        open_one = next((one for one in rollouts if one["ended_at"] is None), None)
        return Now(versions, found["production"], open_one, filled(policy or {}))

    def _require_prompts(self, *, there: bool) -> None:
        """As the server will."""
        policy = self._wanted.policy or {}
        named = {part: (policy.get(part) or {}).get("prompts") for part in ("rollout", "drift")}
        if not any(named.values()):
            return
        sets = self._api.request("GET", f"{self._path}/prompts")["sets"] if there else []
        for part, called in named.items():
            if called is not None and called not in {one["name"] for one in sets}:
                raise self._wrong(
                    ["policy", part, "prompts"],
                    f"`{self._name}` has no prompts of the name `{called}`",
                    f"Store them first: mainspring prompts {self._name} {called} --store FILE.",
                )

    def _make(self, where: list[str], method: str, path: str, body: dict[str, Any]) -> None:
        if self._dry:
            return
        try:
            self._api.request(method, path, json=body)
        except Refused as refused:
            at = (refused.field or "").split(".") if (refused.field or "").startswith("policy") else where
            raise self._wrong(at, refused.detail, refused.remedy or "") from refused

    def _found(self, path: str) -> dict[str, Any] | None:
        try:
            return self._api.request("GET", path)
        except Refused as refused:
            if refused.code != UnknownDeployment.code:
                raise
            return None

    def _digest(self) -> str | None:
        """None: no folder says it, or it is an adapter's whose base is only going to be made."""
        if self._wanted.model is None or not (folder := Path(self._wanted.model)).is_dir():
            return None
        base = None if self._wanted.base is None else self._digest_of_base(self._wanted.base)
        if self._wanted.base is not None and base is None:
            return None
        try:
            return expected_digest(folder, self._wanted.task, base)
        except MainspringError as error:
            raise self._wrong(["model"], error.detail, error.remedy or "") from error

    def _digest_of_base(self, label: str) -> str | None:
        name = label.rpartition("@")[0]
        found = self._found(f"/v1/deployments/{name}/versions")
        for version in [] if found is None else found["versions"]:
            if version["version"] == label:
                return str(version["digest"])
        if self._dry and name in self._all:
            return None
        raise self._wrong(
            ["base"],
            f"there is no version {label}",
            "Register it first, or declare its deployment here, too.",
        )

    @contextmanager
    def _at(self, part: str) -> Iterator[None]:
        """What cannot be is said where that part of the deployment stands."""
        try:
            yield
        except BadDeclaration as error:
            raise self._wrong([part], error.detail, error.remedy or "") from None

    def _wrong(self, where: list[str], what: str, remedy: str) -> MainspringError:
        return self._document.wrong(["deployments", self._name, *where], what, remedy)
