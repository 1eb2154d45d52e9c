"""`mainspring apply`: make the deployments as a file says, or show what that would change."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mainspring.cli.stack import AsJson
from mainspring.client import Client, Refused
from mainspring.declaring.difference import Change, declared, registered, weighted
from mainspring.declaring.lines import Document
from mainspring.declaring.reading import Wanted, read
from mainspring.errors import MainspringError, UnknownDeployment
from mainspring.local.doors import client
from mainspring.registry import expected_digest


def apply(
    file: Annotated[
        Path, typer.Argument(help="A file of YAML: deployments, their policies, models, weights.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the deployments as a file says. Done twice, the second time changes nothing."""
    document = Document(file)
    wanted = read(document)
    console = Console(highlight=False, soft_wrap=True)
    told: list[dict[str, str]] = []
    with client() as api:
        for name in wanted:
            for change in _Applying(api, document, wanted, name, dry_run=dry_run).changes():
                told.append({"deployment": name, "verb": change.verb, "said": change.said})
                if not as_json:
                    console.print(change.said, markup=False)
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "changes": told}))
    elif not told:
        console.print("Everything is as the file says.")
    elif dry_run:
        console.print("[dim]Nothing was changed.[/]")


class _Applying:
    """One deployment. What one change leads to the next one sees, except when nothing is changed."""

    def __init__(
        self, api: Client, document: Document, wanted: dict[str, Wanted], name: str, *, dry_run: bool
    ) -> None:
        self._api, self._document, self._dry = api, document, dry_run
        self._all, self._name, self._wanted = wanted, name, wanted[name]
        self._path = f"/v1/deployments/{name}"

    def changes(self) -> Iterator[Change]:
        """Each is made before the next one is looked for. Raises BadDeclaration, which names the line."""
        found = self._found()
        if found is not None and found["task"] != self._wanted.task.value:
            raise self._wrong(
                ["task"],
                f"the deployment is for {found['task']}",
                "A deployment keeps its task: choose another name.",
            )
        for change in declared(self._name, self._wanted, found):
            self._make(["policy"], "PUT", self._path, change)
            yield change
        yield from self._register(there=found is not None)
        yield from self._weigh()

    def _register(self, *, there: bool) -> Iterator[Change]:
        digest = self._digest()
        versions = self._versions() if there or not self._dry else []
        change = registered(self._name, self._wanted, versions, digest)
        if change is None:
            return
        if not self._dry:
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
        yield change

    def _weigh(self) -> Iterator[Change]:
        found = self._found()
        if self._wanted.weights is None or (self._dry and found is None):
            return
        open_one = None
        if found is not None:
            rollouts = self._api.request("GET", f"{self._path}/rollouts")["rollouts"]
            open_one = next((one for one in rollouts if one["ended_at"] is None), None)
        production = None if found is None else found["production"]
        try:
            stages = {one["version"]: one["stage"] for one in found["versions"]} if found else {}
            change = weighted(self._name, self._wanted, production, open_one, stages)
        except ValueError as error:
            raise self._wrong(
                ["weights"], str(error), f"See mainspring rollouts {self._name}, and versions {self._name}."
            ) from None
        if change is None:
            return
        if change.verb == "takes_over" and open_one is not None:
            self._make(
                ["weights"], "POST", f"/v1/rollouts/{open_one['id']}/promote", change, {"reason": self._why}
            )
        elif change.verb == "reshares" and open_one is not None:
            body = change.body | {"reason": self._why}
            self._make(["weights"], "PUT", f"/v1/rollouts/{open_one['id']}/plan", change, body)
        else:
            over: dict[str, Any] = {"plan": {"steps": []}} if change.verb == "takes_over" else {}
            body = change.body | over | {"reason": self._why}
            self._make(["weights"], "POST", f"{self._path}/rollouts", change, body)
        yield change

    @property
    def _why(self) -> str:
        return f"{self._document.path.name} says so"

    def _make(
        self, where: list[str], method: str, path: str, change: Change, body: dict[str, Any] | None = None
    ) -> None:
        if self._dry:
            return
        try:
            self._api.request(method, path, json=change.body if body is None else body)
        except Refused as refused:
            at = (refused.field or "").split(".") if (refused.field or "").startswith("policy") else where
            raise self._wrong(at, refused.detail, refused.remedy or "") from refused

    def _found(self) -> dict[str, Any] | None:
        try:
            return self._api.request("GET", self._path)
        except Refused as refused:
            if refused.code != UnknownDeployment.code:
                raise
            return None

    def _versions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._api.request("GET", f"{self._path}/versions")["versions"]
        return found

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
        try:
            versions = self._api.request("GET", f"/v1/deployments/{name}/versions")["versions"]
        except Refused as refused:
            if refused.code != UnknownDeployment.code:
                raise
            versions = []
        for version in versions:
            if version["version"] == label:
                return str(version["digest"])
        if self._dry and name in self._all:
            return None
        raise self._wrong(
            ["base"],
            f"there is no version {label}",
            "Register it first, or declare its deployment here, too.",
        )

    def _wrong(self, where: list[str], what: str, remedy: str) -> MainspringError:
        return self._document.wrong(["deployments", self._name, *where], what, remedy)
