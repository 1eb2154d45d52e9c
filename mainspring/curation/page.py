"""The card as a page for people, in Markdown."""

from collections.abc import Mapping
from typing import Any

_MOST = 30  # lines of a table


def page(card: Mapping[str, Any]) -> str:
    rows = card["rows"]
    return "\n".join(
        [
            f"# Dataset {card['digest'][:12]}",
            "",
            f"For `{card['deployment']}` ({card['task']}): {rows['train']:,} rows train, {rows['held_out']:,} are held",
            f"out to measure by; {card['characters']:,} characters. SHA-256 of its rows: `{card['digest']}`.",
            "",
            *_table("Origin", card["origins"]),
            *_table("Basis", card["bases"]),
            *_table("Licence", card["licences"]),
            *_table("Kind", card["kinds"]),
            *_table("Language", card["languages"]),
            *_labels(card),
            *_steps(card["steps"]),
            *_examples(card["examples"]),
        ]
    )


def _table(name: str, counts: Mapping[str, int]) -> list[str]:
    shown = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    lines = [f"| {_cell(what)} | {many:,} |" for what, many in shown[:_MOST]]
    if len(shown) > _MOST:
        lines.append(f"| {len(shown) - _MOST} more | {sum(many for _, many in shown[_MOST:]):,} |")
    return [f"| {name} | Rows |", "|---|---|", *lines, ""]


def _labels(card: Mapping[str, Any]) -> list[str]:
    labels = card["labels"]["train"]
    if not labels:
        return []
    said = card["imbalance"]
    more = (
        f"The largest label has {said:.1f} times the rows of the smallest." if said else "There is one label."
    )
    return [*_table("Label, of the rows that train", labels), more, ""]


def _steps(steps: Mapping[str, Any]) -> list[str]:
    lines = ["| Step | In | Changed | Removed | Out | Why |", "|---|---|---|---|---|---|"]
    for name, counts in steps.items():
        why = "; ".join(f"{many:,}: {_cell(reason)}" for reason, many in counts["removed"].items())
        gone = sum(counts["removed"].values())
        lines.append(
            f"| {name} | {counts['in']:,} | {counts['changed']:,} | {gone:,} | {counts['out']:,} | {why} |"
        )
    return ["## What was done", "", *lines, "", "Each removed row is named in `set_aside.parquet`.", ""]


def _examples(examples: list[dict[str, Any]]) -> list[str]:
    """As blocks that are indented, so that nothing in a text ends one."""
    lines = ["## Examples", ""]
    for number, one in enumerate(examples, 1):
        lines += [f"{number}. {one['kind']}, from {one['origin']}", ""]
        for name, value in one.items():
            if name not in ("kind", "origin", "messages"):
                lines += _block(name, value)
        for message in one.get("messages", []):
            lines += _block(message["role"], message["content"])
        lines.append("")
    return lines


def _block(name: str, text: str) -> list[str]:
    first, *rest = text.splitlines() or [""]
    return [f"        {name}: {first}", *(f"        {line}" for line in rest)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
