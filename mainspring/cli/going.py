"""Long work in words, and following it until it does nothing more by itself."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from rich.console import Console

from mainspring.client import Client
from mainspring.client.winding import POLL_SECONDS, STILL, Wound

BADLY = frozenset({"failed", "cancelled", "parked", "refused", "rolled_back"})
GREEN = frozenset({"succeeded", "released"})


def state(found: dict[str, Any]) -> str:
    """Of a piece of work or of a refresh, coloured."""
    name = found["state"]
    colour = "green" if name in GREEN else "red" if name in BADLY else "yellow"
    wish = found.get("wish")
    return f"[{colour}]{name.replace('_', ' ')}[/]" + (f", to be {_WISHES[wish]}" if wish else "")


_WISHES = {"pause": "paused", "cancel": "cancelled"}


def how_far(work: dict[str, Any]) -> str:
    """`training · step 120 of 400 · 30%, loss 3.21, 1,200 tokens/s, 40 s left`, as far as it is known."""
    said = [f"{work['activity'] or work['state']} · {work['progress']:.0%}", *_measures(work["measures"])]
    return ", ".join(said)


def _measures(found: dict[str, Any]) -> Iterator[str]:
    if "training_loss" in found:
        yield f"loss {found['training_loss']:.3g}"
    if "tokens_per_second" in found:
        yield f"{found['tokens_per_second']:,.0f} tokens/s"
    if "remaining_seconds" in found:
        yield f"{lasting(found['remaining_seconds'])} left"


def lasting(seconds: float) -> str:
    """`40 s`, `3 min 20 s`, `2 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def when(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%d %b %H:%M:%S")


def ids(found: dict[str, Any]) -> str:
    """What there is on a line, in its order, but for what it is asked of: kinds and ids."""
    said = [f"{kind} {', '.join(those)}" for kind, those in found.items() if those and kind != "answers"]
    return "; ".join(said)


def error(found: dict[str, Any]) -> list[str]:
    """Why it has failed, and what to do about it."""
    told = found["error"] or {}
    lines = [told["detail"]] if "detail" in told else []
    return lines + ([f"remedy: {told['remedy']}"] if "remedy" in told else [])


def follow(
    api: Client, kind: Wound, one: str, told: Callable[[dict[str, Any]], None] = lambda _: None
) -> dict[str, Any]:
    """Live on standard error's terminal; `told` hears of each look at it. What it has become."""
    console = Console(stderr=True)
    with console.status("waiting for a worker") as shown:
        while True:
            found = api.request("GET", f"/v1/{kind}/{one}")
            told(found)
            if found["state"] in STILL:
                return found
            work = found["work"] if kind == "refreshes" else found
            shown.update(_now(found["state"], work))
            time.sleep(POLL_SECONDS)


def _now(state: str, work: dict[str, Any] | None) -> str:
    """With what nobody else decides, in a markup's brackets escaped."""
    if work is None:
        return state
    return how_far(work).replace("[", r"\[")
