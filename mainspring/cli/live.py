"""What `mainspring watch` shows of deployments: their queues, pace, latency, drift and alarms, above the latest jobs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mainspring.cli.going import how_far
from mainspring.cli.jobs import table
from mainspring.client import Client, Refused

STATES = {"stable": "green", "watch": "yellow", "retrain": "red"}
_COLUMNS = (
    ("queued", "running", "oldest"),  # at this moment
    ("ended/min", "failed", "tokens/s", "p50", "p95"),  # of the last minute
    ("first token p95", "rating", "right"),  # of this hour
)


@dataclass(frozen=True)
class Look:
    """What the api said at one moment. `metrics`: without those that the key may not see; `drift` by deployment.
    `refreshes`: those that go on."""

    metrics: list[dict[str, Any]]
    drift: dict[str, dict[str, Any]]
    jobs: list[dict[str, Any]]
    refreshes: list[dict[str, Any]]


def look(api: Client, deployment: str | None, jobs: int) -> Look:
    """Of one deployment, or of all that are not retired. Raises Refused."""
    wanted = {"limit": jobs} | ({"deployment": deployment} if deployment else {})
    listed = api.request("GET", "/v1/jobs", params=wanted)["jobs"]
    names = [deployment] if deployment else _names(api)
    metrics = [one for name in names if (one := _metrics(api, name)) is not None]
    newest = [one for name in names for one in api.refreshes(name, most=1)]
    return Look(
        metrics,
        {name: api.request("GET", f"/v1/deployments/{name}/drift") for name in names},
        listed,
        [one for one in newest if one["ended_at"] is None],
    )


def page(seen: Look) -> Group:
    parts: list[Table | Text] = []
    if seen.metrics:
        parts += [_deployments(seen), Text()]
    parts += [_alarm(alarm) for drift in seen.drift.values() for alarm in _open(drift)]
    parts += [_refresh(one) for one in seen.refreshes]
    parts.append(table(seen.jobs))
    return Group(*parts)


def _names(api: Client) -> list[str]:
    found = api.request("GET", "/v1/deployments")["deployments"]
    return [one["name"] for one in found if one["retired_at"] is None]


def _metrics(api: Client, name: str) -> dict[str, Any] | None:
    try:
        return api.request("GET", f"/v1/deployments/{name}/metrics", params={"hours": 1})
    except Refused as refused:
        if refused.status == 403:  # the figures of all tenants are for keys with the scope `admin`
            return None
        raise


def _deployments(seen: Look) -> Table:
    shown = Table("deployment", box=None)
    for name in (name for columns in _COLUMNS for name in columns):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("drift")
    for one in seen.metrics:
        now, newest = one["now"], one["versions"][0]["figures"] if one["versions"] else None
        shown.add_row(
            one["deployment"],
            *_moment(now),
            *_minute(now),
            *_hour(newest),
            _drift(seen.drift[one["deployment"]]),
        )
    return shown


def _moment(now: dict[str, Any]) -> Iterable[str]:
    return str(now["queued"]), str(now["running"]), _seconds(now["oldest_seconds"])


def _minute(now: dict[str, Any]) -> Iterable[str]:
    failed = f"[red]{now['failed']}[/]" if now["failed"] else "0"
    times = (_seconds(now["p50_seconds"]), _seconds(now["p95_seconds"]))
    return str(now["ended"]), failed, f"{now['tokens_per_second']:.0f}", *times


def _hour(figures: dict[str, Any] | None) -> Iterable[str]:
    """Of the newest version that answered; what has an interval, with it."""
    if figures is None:
        return "", "", ""
    first = figures["latency"]["first_token"]
    times = "" if first is None else _seconds(first["p95"]["value"])
    return times, _estimate(figures["satisfaction"], "+.2f"), _estimate(figures["accuracy"], ".0%")


def _drift(drift: dict[str, Any]) -> str:
    state, alarms = drift["state"] or "", len(list(_open(drift)))
    said = f"[{STATES.get(state, 'white')}]{state}[/]" if state else ""
    return said + (f" [red]{alarms} open[/]" if alarms else "")


def _open(drift: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return (alarm for alarm in drift["alarms"] if alarm["ended_at"] is None)


def _alarm(alarm: dict[str, Any]) -> Text:
    at = datetime.fromisoformat(alarm["at"]).astimezone().strftime("%d %b %H:%M:%S")
    terms = f": {', '.join(alarm['terms'][:8])}" if alarm["terms"] else ""
    return Text(f"alarm {at}  {alarm['version']}  {alarm['kind']} drift by {alarm['detector']}{terms}", "red")


def _refresh(one: dict[str, Any]) -> Text:
    """What a better version is on its way through; one that waits for a person's word says so."""
    name, state = one["version"] or one["deployment"], one["state"]
    if state == "waiting":
        return Text(f"refresh {name} waits for a word: mainspring refresh {one['deployment']}", "yellow")
    said = state if one["work"] is None else f"{state}  {how_far(one['work'])}"
    return Text(f"refresh {name}  {said}", "cyan")


def _estimate(found: dict[str, Any] | None, form: str) -> str:
    if found is None:
        return ""
    around = "" if found["low"] is None else f" ({found['low']:{form}} to {found['high']:{form}})"
    return f"{found['value']:{form}}{around}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"
