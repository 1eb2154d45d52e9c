"""The first requests of a fresh stack: each deployment is asked as soon as it answers, while others are made."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from mainspring.client import Client, Refused
from mainspring.errors import StackError
from mainspring.local.doors import own
from mainspring.settings import Settings

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Example:
    """What a deployment is asked, with the parameters that make its answer worth a look."""

    deployment: str
    input: Any
    parameters: dict[str, Any]


EXAMPLES = (
    Example("embedder", "The mainspring drives the hands of the clock.", {}),
    Example("triage", "Return the eigenvalues of a symmetric matrix and their multiplicities.", {"top_k": 2}),
    Example(
        "assistant",
        {"messages": [{"role": "user", "content": "What does the for statement do?"}]},
        {"max_tokens": 48, "temperature": 0.7, "top_p": 0.9, "seed": 7},
    ),
)


def run(settings: Settings, console: Console) -> int:
    """Ask all examples; returns how many were answered. Raises StackError when a starter cannot be made."""
    answered = 0
    with own(settings) as api:
        for example in _as_they_become_ready(api, console):
            job = api.result(api.submit(example.deployment, example.input, **example.parameters)["id"])
            _show(console, example, job)
            answered += job["state"] == "succeeded"
    return answered


def _as_they_become_ready(api: Client, console: Console) -> Iterator[Example]:
    waiting = {example.deployment: example for example in EXAMPLES}
    columns = (
        TextColumn("{task.fields[name]:>10}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bars = {name: progress.add_task("", total=1.0, name=name) for name in waiting}
        said: dict[str, str] = {}
        while waiting:
            for name in list(waiting):
                state = _state(api, name)
                progress.update(bars[name], completed=state.progress, description=state.activity)
                if not console.is_terminal and state.milestone != said.get(name):
                    said[name] = state.milestone
                    console.print(f"{name}: {state.activity}")
                if state.ready:
                    progress.remove_task(bars[name])
                    yield waiting.pop(name)
            time.sleep(POLL_SECONDS if waiting else 0)


@dataclass(frozen=True)
class _State:
    progress: float
    activity: str
    ready: bool = False

    @property
    def milestone(self) -> str:
        """What is worth a line in a log: the activity, at each quarter."""
        return f"{self.activity.split('·')[0]}{int(self.progress * 4)}"


def _state(api: Client, name: str) -> _State:
    try:
        deployment = api.request("GET", f"/v1/deployments/{name}")
    except Refused as refused:
        if refused.status in (404, 503):
            return _State(0.0, "waiting")
        raise
    run = deployment.get("training_run") or {}
    if run.get("state") == "failed":
        raise StackError(
            f"the starter deployment {name} could not be made: {run['error'].get('detail')}",
            remedy="See logs/train.log in the home; `mainspring doctor` looks for the usual causes.",
        )
    champion = deployment["production"]
    if champion is None:
        return _State(float(run.get("progress", 0)), run.get("activity") or "queued")
    holders = [worker["state"] for worker in deployment["workers"] if worker["version"] == champion]
    return _State(1.0, f"loading {champion}", ready="ready" in holders)


def _show(console: Console, example: Example, job: dict[str, Any]) -> None:
    console.print(f"\n[bold green]{job['version']}[/]  ← {_brief(as_text(example.input))}", highlight=False)
    if job["state"] == "succeeded":
        console.print(f"    → {_brief(as_text(job['output']))}", highlight=False, markup=False)
    else:
        console.print(f"    → {job['state']}: {job.get('error')}", markup=False)
    seconds = {name: value for name, value in (job.get("timings") or {}).items() if value is not None}
    console.print(
        "    " + " · ".join(f"{name} {value * 1000:.0f} ms" for name, value in seconds.items()), style="dim"
    )


def as_text(value: Any) -> str:
    """An input or output in one line, for people."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        if not all(isinstance(number, float) for number in value):
            return json.dumps(value, ensure_ascii=False)
        return f"[{', '.join(f'{number:.4f}' for number in value[:4])}, …] ({len(value)} numbers)"
    if "messages" in value:
        return str(value["messages"][-1]["content"])
    if "scores" in value:
        return " · ".join(f"{score['label']} {score['score']:.1%}" for score in value["scores"])
    return str(value.get("text", value))


def _brief(text: str, longest: int = 240) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"
