"""The loop as both clients speak of it: datasets, training runs, evaluations, verdicts, refreshes.

Written once: what `request` gives, a dictionary or something to await, is what each verb gives.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from mainspring.errors import InvalidRequest

Answer = TypeVar("Answer")
Answers = TypeVar("Answers")
Work = Literal["datasets", "training-runs", "evaluations"]
Wound = Literal["datasets", "training-runs", "evaluations", "refreshes"]
Rows = Path | bytes | Iterable[Mapping[str, Any]]

POLL_SECONDS = 0.5
ASKED_FOR = "asked for"
# A refresh that waits for a person's word goes on only by it.
STILL = (
    "succeeded",
    "failed",
    "cancelled",
    "paused",
    "waiting",
    "released",
    "refused",
    "rolled_back",
    "parked",
)
_TYPES = {
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".md": "text/plain",
    ".parquet": "application/vnd.apache.parquet",
}


class Winding(ABC, Generic[Answer, Answers]):
    """`Answer`: a JSON object, now or later; `Answers`: a list of them."""

    @abstractmethod
    def request(self, method: str, path: str, **more: Any) -> Answer: ...

    @abstractmethod
    def listed(self, path: str, name: str, **more: Any) -> Answers:
        """The part of that name of what a list answers."""

    def curate(self, deployment: str, plan: Mapping[str, Any]) -> Answer:
        """Ask for a dataset by a plan, such as `{"uploads": [{"path": "/data/rows.jsonl"}]}`."""
        return self.request("POST", "/v1/datasets", json={"deployment": deployment, "plan": plan})

    def upload(
        self, deployment: str, rows: Rows, *, licence: str | None = None, basis: str | None = None
    ) -> Answer:
        """Ask for a dataset of these rows: a file (.jsonl, .csv, .txt, .md, .parquet), NDJSON, or objects.

        Raises InvalidRequest for another kind of file.
        """
        content, kind = _content(rows)
        said = {"deployment": deployment, "licence": licence, "basis": basis}
        params = {name: value for name, value in said.items() if value is not None}
        return self.request(
            "POST", "/v1/datasets", params=params, content=content, headers={"Content-Type": kind}
        )

    def datasets(self, deployment: str | None = None) -> Answers:
        """The newest hundred, newest first."""
        params = {} if deployment is None else {"deployment": deployment}
        return self.listed("/v1/datasets", "datasets", params=params)

    def dataset(self, dataset_id: str) -> Answer:
        """With its plan, its card, and the line on which it stands."""
        return self.request("GET", f"/v1/datasets/{dataset_id}")

    def set_aside(self, dataset_id: str, *, first: int = 0, limit: int = 1000) -> Answer:
        """{total, rows: [{step, reason, origin, source}]}: rows that are not in it, and why. Also of one that was refused."""
        page = {"first": first, "limit": limit}
        return self.request("GET", f"/v1/datasets/{dataset_id}/set-aside", params=page)

    def train(
        self, deployment: str, recipe: str, *, dataset_id: str | None = None, **parameters: Any
    ) -> Answer:
        """Make a version by a recipe. `dataset_id`: what to learn from; it may still be made."""
        body: dict[str, Any] = {"recipe": recipe, "parameters": parameters}
        if dataset_id is not None:
            body["dataset_id"] = dataset_id
        return self.request("POST", _of(deployment, "training-runs"), json=body)

    def runs(self, deployment: str) -> Answers:
        """The training runs, newest first."""
        return self.listed(_of(deployment, "training-runs"), "training_runs")

    def run(self, run_id: str) -> Answer:
        """How far a training run is, what came of it, and the line on which it stands."""
        return self.request("GET", f"/v1/training-runs/{run_id}")

    def evaluate(self, version: str, *, beside: str | None = None) -> Answer:
        """Have `assistant@4` measured beside another version, by default the one in production; the gate judges it."""
        body = {"version": version} | ({} if beside is None else {"beside": beside})
        return self.request("POST", _of(version.rpartition("@")[0] or version, "evaluations"), json=body)

    def evaluations(self, deployment: str) -> Answers:
        """The newest hundred, newest first, each with the `decision` of its verdict."""
        return self.listed(_of(deployment, "evaluations"), "evaluations")

    def evaluation(self, evaluation_id: str) -> Answer:
        """Every number with its interval, and the verdict with its reasons."""
        return self.request("GET", f"/v1/evaluations/{evaluation_id}")

    def verdict(self, verdict_id: str) -> Answer:
        """What the gate decided, with all that it was decided from."""
        return self.request("GET", f"/v1/verdicts/{verdict_id}")

    def refresh(self, deployment: str, reason: str) -> Answer:
        """Ask for a better version, as the policy says. Raises Refused while one is under way."""
        return self.request("POST", _of(deployment, "refreshes"), json={"reason": reason})

    def refreshes(self, deployment: str, most: int = 100) -> Answers:
        """Newest first, 200 at most."""
        return self.listed(_of(deployment, "refreshes"), "refreshes", params={"limit": most})

    def refreshed(self, refresh_id: str) -> Answer:
        """How far a refresh is: its turns with their reasons, its verdict, and the line on which it stands."""
        return self.request("GET", f"/v1/refreshes/{refresh_id}")

    def approve(self, refresh_id: str, reason: str = ASKED_FOR) -> Answer:
        """Let the version be released that waits for it. Raises Refused if none does."""
        return self._say("refreshes", refresh_id, "approve", reason)

    def refuse(self, refresh_id: str, reason: str = ASKED_FOR) -> Answer:
        """Reject the version that waits for a word. Raises Refused if none does."""
        return self._say("refreshes", refresh_id, "refuse", reason)

    def stop_refresh(self, refresh_id: str, reason: str = ASKED_FOR) -> Answer:
        """What is at work for it stops; what it began to release is taken back."""
        return self._say("refreshes", refresh_id, "cancel", reason)

    def pause_work(self, kind: Work, work_id: str, reason: str = ASKED_FOR) -> Answer:
        """A dataset, a training run or an evaluation; what runs is paused as soon as its worker hears of it."""
        return self._say(kind, work_id, "pause", reason)

    def resume_work(self, kind: Work, work_id: str, reason: str = ASKED_FOR) -> Answer:
        """It goes on from its last checkpoint."""
        return self._say(kind, work_id, "resume", reason)

    def cancel_work(self, kind: Work, work_id: str, reason: str = ASKED_FOR) -> Answer:
        return self._say(kind, work_id, "cancel", reason)

    def _say(self, kind: Wound, one: str, verb: str, reason: str) -> Answer:
        return self.request("POST", f"/v1/{kind}/{one}/{verb}", json={"reason": reason})


def _of(deployment: str, what: str) -> str:
    return f"/v1/deployments/{quote(deployment, safe='')}/{what}"


def _content(rows: Rows) -> tuple[bytes, str]:
    if isinstance(rows, bytes):
        return rows, _TYPES[".jsonl"]
    if not isinstance(rows, Path):
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows), _TYPES[".jsonl"]
    kind = _TYPES.get(rows.suffix.lower())
    if kind is None:
        raise InvalidRequest(
            f"nothing says what kind of file {rows.name} is",
            field="rows",
            remedy=f"Name it {', '.join(_TYPES)}.",
        )
    return rows.read_bytes(), kind
