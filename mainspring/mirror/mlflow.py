"""What is said to MLflow: experiments with their runs, registered models with their versions, traces. Knows
nothing of our rows."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from mainspring.mirror.rest import Rest
from mainspring.mirror.things import ID, Input, Point, Status

LONGEST_PARAMETER, LONGEST_TAG, LONGEST_DIGEST = 6000, 8000, 36  # characters that MLflow takes
MOST_POINTS, MOST_TEXTS = 1000, 100  # in one request


@dataclass(frozen=True)
class Experiment:
    """`identity` is another one when MLflow's database is."""

    id: str
    identity: str
    tags: Mapping[str, str]
    deleted: bool


@dataclass(frozen=True)
class Found:
    """A run, by MLflow's name for it. What was deleted there is kept for a while, and can be had back."""

    id: str
    deleted: bool


@dataclass(frozen=True)
class Registered:
    """A registered model: its tags, and by alias the number of a version."""

    tags: Mapping[str, str]
    aliases: Mapping[str, str]


class Mlflow:
    """Raises MirrorAway when it does not answer, MirrorRefused when it answers that it will not."""

    def __init__(self, url: str, token: str = "") -> None:
        self._rest = Rest(url, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rest.close()

    def experiment(self, name: str) -> Experiment | None:
        found = self._rest.find("experiments/get-by-name", experiment_name=name)
        if found is None:
            return None
        given = found["experiment"]
        return Experiment(
            id=given["experiment_id"],
            identity=f"{given['experiment_id']} {given.get('creation_time', '')}",
            tags=_tags(given),
            deleted=given.get("lifecycle_stage") == "deleted",
        )

    def make_experiment(self, name: str, tags: Mapping[str, str]) -> None:
        self._rest.post("experiments/create", name=name, tags=_pairs(tags))

    def restore_experiment(self, experiment_id: str) -> None:
        self._rest.post("experiments/restore", experiment_id=experiment_id)

    def run(self, experiment_id: str, key: str) -> Found | None:
        """The run of this key, if there is one."""
        asked = {"experiment_ids": [experiment_id], "filter": f"tags.`{ID}` = '{key}'", "max_results": 1}
        found = self._rest.post("runs/search", **asked, run_view_type="ALL").get("runs", [])
        if not found:
            return None
        return Found(found[0]["info"]["run_id"], found[0]["info"].get("lifecycle_stage") == "deleted")

    def restore_run(self, run_id: str) -> None:
        self._rest.post("runs/restore", run_id=run_id)

    def make_run(self, experiment_id: str, name: str, began_at: datetime, tags: Mapping[str, str]) -> str:
        asked = {"experiment_id": experiment_id, "run_name": name, "start_time": _milliseconds(began_at)}
        made: str = self._rest.post("runs/create", **asked, tags=_pairs(tags))["run"]["info"]["run_id"]
        return made

    def set_run(self, run_id: str, name: str, status: Status, ended_at: datetime | None) -> None:
        end = {} if ended_at is None else {"end_time": _milliseconds(ended_at)}
        self._rest.post("runs/update", run_id=run_id, run_name=name, status=status.value, **end)

    def log(
        self,
        run_id: str,
        points: Sequence[Point] = (),
        parameters: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """The same point again changes nothing."""
        texts = {
            "params": _pairs(parameters or {}, LONGEST_PARAMETER)[:MOST_TEXTS],
            "tags": _pairs(tags or {})[:MOST_TEXTS],
        }
        if any(texts.values()):
            self._rest.post("runs/log-batch", run_id=run_id, **texts)
        finite = [point for point in points if math.isfinite(point.value)]
        for first in range(0, len(finite), MOST_POINTS):
            some = [_metric(point) for point in finite[first : first + MOST_POINTS]]
            self._rest.post("runs/log-batch", run_id=run_id, metrics=some)

    def log_inputs(self, run_id: str, inputs: Sequence[Input]) -> None:
        """The same again changes nothing."""
        if inputs:
            self._rest.post("runs/log-inputs", run_id=run_id, datasets=[_input(one) for one in inputs])

    def send_traces(self, experiment_id: str, request: Mapping[str, Any]) -> None:
        """As OTLP has it, see otlp.py. All or nothing."""
        self._rest.export("v1/traces", request, {"x-mlflow-experiment-id": experiment_id})

    def delete_traces(self, experiment_id: str, names: Sequence[str]) -> None:
        self._rest.post("traces/delete-traces", experiment_id=experiment_id, request_ids=list(names))

    def model(self, name: str) -> Registered | None:
        found = self._rest.find("registered-models/get", name=name)
        if found is None:
            return None
        given = found["registered_model"]
        aliases = {one["alias"]: str(one["version"]) for one in given.get("aliases", [])}
        return Registered(_tags(given), aliases)

    def make_model(self, name: str, tags: Mapping[str, str]) -> None:
        self._rest.post("registered-models/create", name=name, tags=_pairs(tags))

    def tag_model(self, name: str, tags: Mapping[str, str]) -> None:
        for pair in _pairs(tags):
            self._rest.post("registered-models/set-tag", name=name, **pair)

    def version(self, name: str, key: str) -> str | None:
        """The number of the version of this key, if there is one."""
        asked = f"name = '{name}' and tags.`{ID}` = '{key}'"
        found = self._rest.get("model-versions/search", filter=asked, max_results=1).get("model_versions", [])
        return str(found[0]["version"]) if found else None

    def make_version(
        self, name: str, source: str, run_id: str | None, description: str, tags: Mapping[str, str]
    ) -> str:
        made_by = {} if run_id is None else {"run_id": run_id}
        asked = {"name": name, "source": source, "description": description, "tags": _pairs(tags)}
        return str(self._rest.post("model-versions/create", **asked, **made_by)["model_version"]["version"])

    def tag_version(self, name: str, number: str, tags: Mapping[str, str]) -> None:
        for pair in _pairs(tags):
            self._rest.post("model-versions/set-tag", name=name, version=number, **pair)

    def set_alias(self, name: str, alias: str, number: str) -> None:
        self._rest.post("registered-models/alias", name=name, alias=alias, version=number)

    def drop_alias(self, name: str, alias: str) -> None:
        self._rest.delete("registered-models/alias", name=name, alias=alias)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _metric(point: Point) -> dict[str, Any]:
    moment = _milliseconds(point.at)
    return {"key": point.metric, "value": point.value, "timestamp": moment, "step": point.step}


def _input(one: Input) -> dict[str, Any]:
    source = json.dumps({"mainspring": one.digest})
    dataset = {
        "name": one.name,
        "digest": one.digest[:LONGEST_DIGEST],
        "source_type": "mainspring",
        "source": source,
    }
    return {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": one.context}]}


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in given.get("tags", [])}


def _pairs(texts: Mapping[str, str], longest: int = LONGEST_TAG) -> list[dict[str, str]]:
    return [{"key": key, "value": value[:longest]} for key, value in sorted(texts.items())]
