"""`mainspring compare`: two versions of a deployment side by side."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mainspring.cli.stack import AsJson
from mainspring.errors import InvalidRequest
from mainspring.local.doors import client
from mainspring.release.lineage import in_words
from mainspring.release.page import page

Label = Annotated[str, typer.Argument(help="Such as assistant@3.")]
MOST_CHARACTERS = 200  # of an output that is no text
_PARTS = {"shadow": "The same jobs, tried where no client sees it", "prompts": "The prompts"}
_FACTS = ("stage", "architecture", "parameters", "bytes", "context_length", "licence", "digest")
_BRIEF = 60  # characters of what both said alike, where answers are shown briefly


def compare(
    a: Label,
    b: Label,
    *,
    prompts: Annotated[
        str | None, typer.Option(help="A stored set: what both said to each, and where they differ.")
    ] = None,
    answers: Annotated[
        int, typer.Option(help="Of the jobs that both answered, how many to show.", min=0, max=200)
    ] = 20,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file instead.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what two versions are, and how they did with what they answered lately, with 95% intervals."""
    name = a.rpartition("@")[0]
    if not name or b.rpartition("@")[0] != name:
        raise InvalidRequest(
            "these are not two versions of one deployment",
            field="versions",
            remedy="Name both, such as assistant@3 assistant@4.",
        )
    with client() as api:
        asked = {"a": a, "b": b, "answers": answers} | ({} if prompts is None else {"prompts": prompts})
        found = api.request("GET", f"/v1/deployments/{name}/compare", params=asked)
    if html is not None:
        html.write_text(page(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found))
    if as_json or html is not None:
        return
    console = Console(highlight=False)
    console.print(_table(found, "", found["metrics"], facts=True))
    if not found["metrics"]:
        console.print("Neither has answered yet.", style="yellow")
    for part, words in _PARTS.items():
        if found.get(part) is not None:
            console.print(f"\n[bold]{words}[/]{_how_many(found[part])}")
            console.print(_table(found, "", found[part]["metrics"]))
            for answer in found[part]["answers"]:
                console.print(_answer(answer, brief=part == "shadow"), soft_wrap=True)


def _table(found: dict[str, Any], title: str, metrics: list[dict[str, Any]], *, facts: bool = False) -> Table:
    table = Table(box=None)
    table.add_column(title)
    for side in ("a", "b"):
        table.add_column(found[side]["version"], overflow="fold")
    table.add_column("")
    for name, one, other in _facts(found) if facts else ():
        table.add_row(name, Text(one), Text(other), "")
    for metric in metrics:
        table.add_row(metric["words"], _figure(metric["a"]), _figure(metric["b"]), _verdict(metric))
    return table


def _facts(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What each is, and whence it comes."""
    a, b = found["a"], found["b"]
    for fact in _FACTS:
        yield fact.replace("_", " "), _short(a[fact]), _short(b[fact])
    ways = in_words(a), in_words(b)
    for name in ways[0]:
        yield name, ways[0][name], ways[1][name]


def _how_many(part: dict[str, Any]) -> str:
    said = f", {part['tried']} jobs" if "tried" in part else f" `{part['set']}`"
    if part.get("missing"):
        said += f", {part['missing']} not answered by both yet"
    return said + ("" if part["agreement"] is None else f"; they agree by {_figure(part['agreement'])}")


def _answer(answer: dict[str, Any], *, brief: bool) -> Text:
    """The prompt, then both answers in one: what the first alone said is struck out. Brief: of what is alike the ends."""
    given = answer["input"] if isinstance(answer["input"], str) else json.dumps(answer["input"])
    given = _ends(given, MOST_CHARACTERS) if brief else given
    said = Text.assemble("\n", (given, "bold"), "\n")
    if answer["differences"] is None:
        for side in ("a", "b"):
            said.append(f"{side}: {_plain(answer[side])}\n")
        if answer["agreement"] is not None:
            said.append(f"they agree by {answer['agreement']:.0%}\n", "dim")
        return said
    for side, text in answer["differences"]:
        shown = _ends(text, _BRIEF if side == "same" else MOST_CHARACTERS) if brief else text
        said.append(shown, {"same": "", "a": "red strike", "b": "green"}[side])
    return said


def _ends(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"


def _plain(side: dict[str, Any]) -> str:
    if side["error"] is not None:
        return f"failed: {side['error']['detail']}"
    said = json.dumps(side["output"], ensure_ascii=False)
    return said if len(said) <= MOST_CHARACTERS else f"{said[:MOST_CHARACTERS]}…"


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)[:24]


def _figure(found: dict[str, Any] | None) -> str:
    if found is None:
        return "too few"
    return f"{found['value']:.4g} ({found['low']:.4g} to {found['high']:.4g}), of {found['count']}"


def _verdict(metric: dict[str, Any]) -> str:
    colours = {"better": "green", "worse": "red", None: "none"}
    said = metric["b_is"]
    return f"[{colours[said]}]{said or ''}[/]"
