"""What was measured of a version and what the gate said of it, in a terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

COLOURS = {"accept": "green", "reject": "red", "needs_human": "yellow"}


def findings(console: Console, verdict: dict[str, Any]) -> None:
    """The decision with its reasons, what was traded for what, and what would have led to another."""
    decision = verdict["decision"]
    beside = f" beside {verdict['beside']}" if verdict["beside"] else ""
    console.print(
        f"[bold]{verdict['version']}[/]{beside}: [{COLOURS[decision]}]{decision.replace('_', ' ')}[/]"
    )
    for reason in verdict["reasons"]:
        console.print(f"    {reason}", markup=False)
    for side in verdict["traded"]:
        for word in ("gained", "lost"):
            if side[word]:
                console.print(f"    {side['group']} {word}: {'; '.join(side[word])}", markup=False)
    for change in verdict["would_change"]:
        console.print(f"    otherwise: {change}", markup=False)


def figures(results: dict[str, Any]) -> Table:
    """Each metric of the two versions with its interval, and how far they are apart on the same items."""
    table = Table("metric", "version", "beside", "difference", "items", "unit", box=None)
    for one in results["measured"]:
        sides = [_estimate(one[side]) for side in ("challenger", "champion", "difference")]
        table.add_row(one["name"], *sides, f"{one['items']:,}", one["unit"])
    return table


def _estimate(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    if found["low"] is None or found["low"] == found["high"]:
        return f"{found['value']:.4g}"
    return f"{found['value']:.4g} ({found['low']:.4g} to {found['high']:.4g})"
