"""Reads an MLflow with its own client, in its own environment: a line in, a line of JSON out."""

import json
import sys
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType

client = MlflowClient(sys.argv[1], sys.argv[1])


def read(prefix: str) -> dict[str, Any]:
    """All that one installation has written: runs by name, registered models by name."""
    experiment = client.get_experiment_by_name(f"{prefix}mainspring")
    if experiment is None:
        return {"runs": {}, "models": {}, "count": 0}
    runs = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ACTIVE_ONLY)
    names = [one.name for one in client.search_registered_models() if one.name.startswith(prefix)]
    return {
        "count": len(runs),
        "runs": {run.info.run_name: _run(run) for run in runs},
        "models": {name.removeprefix(prefix): _model(name) for name in names},
    }


def _run(run: Any) -> dict[str, Any]:
    ours = {name: text for name, text in run.data.tags.items() if not name.startswith("mlflow.")}
    return {
        "id": run.info.run_id,
        "status": run.info.status,
        "began": run.info.start_time,
        "ended": run.info.end_time,
        "parameters": run.data.params,
        "tags": ours,
        "inputs": [
            [one.dataset.name, one.dataset.digest, {tag.key: tag.value for tag in one.tags}]
            for one in run.inputs.dataset_inputs
        ],
        "series": {
            name: sorted(
                [one.step, one.timestamp, one.value]
                for one in client.get_metric_history(run.info.run_id, name)
            )
            for name in sorted(run.data.metrics)
        },
    }


def _model(name: str) -> dict[str, Any]:
    model = client.get_registered_model(name)
    versions = client.search_model_versions(f"name = '{name}'")
    return {
        "tags": model.tags,
        "aliases": {
            alias: client.get_model_version_by_alias(name, alias).tags["version"] for alias in model.aliases
        },
        "versions": {
            one.tags["version"]: {
                "tags": one.tags,
                "run": one.run_id,
                "source": one.source,
                "description": one.description,
            }
            for one in versions
        },
        "count": len(versions),
    }


def traces(prefix: str, wanted: str = "") -> dict[str, Any]:
    """By job, those that this filter finds."""
    experiment = client.get_experiment_by_name(f"{prefix}mainspring")
    found = client.search_traces(
        locations=[experiment.experiment_id], filter_string=wanted or None, max_results=500
    )
    return {one.info.tags["job"]: _trace(client.get_trace(one.info.trace_id)) for one in found}


def _trace(trace: Any) -> dict[str, Any]:
    return {
        "id": trace.info.trace_id,
        "name": trace.info.tags.get("mlflow.traceName"),
        "state": str(trace.info.state.value),
        "began": trace.info.request_time,
        "took": trace.info.execution_duration,
        "tags": {name: text for name, text in trace.info.tags.items() if not name.startswith("mlflow.")},
        "usage": trace.info.token_usage,
        "preview": trace.info.request_preview,
        "whole": trace.to_json(),
        "spans": {
            one.name: {
                "type": one.span_type,
                "parent": one.parent_id,
                "began": one.start_time_ns,
                "ended": one.end_time_ns,
                "inputs": one.inputs,
                "outputs": one.outputs,
                "attributes": {
                    name: value for name, value in one.attributes.items() if not name.startswith("mlflow.")
                },
            }
            for one in trace.data.spans
        },
    }


def delete_run(prefix: str, name: str) -> None:
    client.delete_run(read(prefix)["runs"][name]["id"])


def delete_version(prefix: str, name: str, label: str) -> None:
    full = f"{prefix}{name}"
    found = client.search_model_versions(f"name = '{full}'")
    client.delete_model_version(full, next(one.version for one in found if one.tags["version"] == label))


def delete_model(prefix: str, name: str) -> None:
    client.delete_registered_model(f"{prefix}{name}")


def delete_experiment(prefix: str) -> None:
    client.delete_experiment(client.get_experiment_by_name(f"{prefix}mainspring").experiment_id)


def make_model(name: str) -> None:
    client.create_registered_model(name)


if __name__ == "__main__":
    verbs = {
        one.__name__: one
        for one in (read, traces, delete_run, delete_version, delete_model, delete_experiment, make_model)
    }
    for line in sys.stdin:
        verb, *words = json.loads(line)
        print(json.dumps(verbs[verb](*words)), flush=True)
