"""Tells the story on a stack of its own, and writes its page."""

import os
import platform
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from mainspring.errors import InvalidRequest, StackError
from mainspring.local.doors import own
from mainspring.local.up import up
from mainspring.settings import Settings
from mainspring.story import chapters
from mainspring.story.chapters import Scene
from mainspring.story.figures import Alarm, Answers, Evidence, Figures, Round
from mainspring.story.narrator import Narrator
from mainspring.story.policy import DEPLOYMENT
from mainspring.story.scale import Scale
from mainspring.story.traffic import Account, Traffic
from mainspring.story.watching import Watcher

# Its own servers and nobody's MLflow, whatever the environment says of other stacks.
OWN = {"url": "", "database_url": "", "redis_url": "", "store_url": "", "mlflow_url": "", "otlp_endpoint": ""}
# What the story does not wait for: rounds that are a matter of seconds, and passes compiled beside serving.
QUICK = {
    "observe_seconds": 0.5,
    "detect_seconds": 0.5,
    "decide_seconds": 1.0,
    "refresh_seconds": 1.0,
    "compile_steps": False,
}


@dataclass(frozen=True)
class _Told:
    """What the chapters gave."""

    began: datetime
    shift: int
    alarm: Alarm
    better: Round
    poisoned: Round
    audit: dict[str, Any]


def tell(home: Path, port: int, console: Console, scale: Scale) -> Figures:
    """All of it; nothing runs any more when it returns.

    Raises StackError when a chapter does not come to its end, or somebody stops it; InvalidRequest for a home in use.
    """
    _require_empty(home)
    settings = Settings(home=home, port=port, **OWN, **QUICK)  # type: ignore[arg-type]
    found: list[Figures] = []
    up(settings, console, starter=False, story=lambda: found.append(_on(settings, console, scale)))
    if not found:
        raise StackError("the story was stopped before its end", remedy="Tell it again: mainspring demo.")
    return found[0]


def _require_empty(home: Path) -> None:
    if home.exists() and any(home.iterdir()):
        raise InvalidRequest(
            "there is something in this folder already",
            field="--home",
            remedy="Name an empty one, or none: then a temporary one is made.",
        )


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _on(settings: Settings, console: Console, scale: Scale) -> Figures:
    began = datetime.now(UTC)
    narrator = Narrator(console, settings.home / "logs", scale.patience)
    with own(settings) as api, Traffic(lambda: own(settings), DEPLOYMENT, scale.askers) as traffic:
        on = Scene(scale, api, narrator, traffic, settings.home)
        with narrator.chapter("A model is made"):
            former = chapters.a_model(on)
        with Watcher(api, DEPLOYMENT, former) as watcher:
            with narrator.chapter("It answers"):
                shift = chapters.in_service(on, watcher)
            with narrator.chapter("The world moves"):
                alarm, refresh = chapters.the_world_moves(on, shift)
        with narrator.chapter("It winds itself"):
            better = chapters.it_winds_itself(on, refresh)
            if better.state == "released":
                chapters.the_former_leaves(on, former)
        with narrator.chapter("Poisoned data"):
            poisoned = chapters.poison_is_refused(on)
        with narrator.chapter("The account"):
            audit = chapters.the_account(on)
        return _figures(on, _Told(began, shift, alarm, better, poisoned, audit), watcher)


def _figures(on: Scene, told: _Told, watcher: Watcher) -> Figures:
    return Figures(
        machine=f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        began_at=told.began.isoformat(timespec="seconds"),
        subjects=(on.scale.old.name, on.scale.new.name),
        chapters=tuple(on.narrator.chapters),
        moments=tuple(on.narrator.moments),
        evidence=(*watcher.evidence, _crossing(told.alarm)),
        shift=told.shift,
        alarm=told.alarm,
        better=told.better,
        poisoned=told.poisoned,
        answers=_answers(on.traffic.account),
        stages=chapters.stages(on.api),
        audit=told.audit,
    )


def _crossing(alarm: Alarm) -> Evidence:
    """The alarm's own reading, which those that were read may have between them."""
    return Evidence(alarm.at, alarm.value, alarm.threshold, alarm.detector)


def _answers(account: Account) -> Answers:
    return Answers(
        account.answered,
        account.failed,
        round(account.slowest, 2),
        dict(account.versions),
        dict(account.subjects),
        tuple(account.failures),
    )
