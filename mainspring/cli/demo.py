"""`mainspring demo`: a model is made, its traffic moves to another subject, and it winds itself; then a poisoned one is refused."""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from mainspring.story.checks import Check

Home = Annotated[
    Path | None, typer.Option(help="An empty folder for all that is made; without it a temporary one.")
]
Page = Annotated[
    Path, typer.Option(help="Where the page with the story goes; its figures go beside it, as JSON.")
]
Patience = Annotated[float, typer.Option(min=1, help="Seconds for each thing that is waited for.")]
Short = Annotated[bool, typer.Option("--short", help="Only the road of one job, on the stack of this home.")]


def demo(
    *,
    home: Home = None,
    page: Page = Path("story.html"),
    patience: Patience = 900.0,
    short: Short = False,
) -> None:
    """Tell the whole story on a stack of its own, in about six minutes. Exit status 1 unless all of it held."""
    console = Console(highlight=False, soft_wrap=True)
    if short:
        from mainspring.cli.road import road

        road(console)
        return
    found = _told(home, page, patience, console)
    console.print()
    for one in found:
        console.print(f"  [{'green' if one.holds else 'red'}]{'ok' if one.holds else 'no'}[/]  ", end="")
        console.print(f"{one.name}: {one.found}", markup=False)
    console.print(f"\nThe story, on a page: {page.absolute()}", markup=False)
    if not all(one.holds for one in found):
        raise typer.Exit(1)


def _told(home: Path | None, page: Path, patience: float, console: Console) -> "tuple[Check, ...]":
    """A folder of our own is removed if the story came to its end: else its logs say why it did not."""
    from mainspring.story.checks import checks
    from mainspring.story.page import page as drawn
    from mainspring.story.scale import Scale
    from mainspring.story.telling import free_port, tell

    scale = replace(Scale(), patience=patience)
    place = home or Path(tempfile.mkdtemp(prefix="mainspring-demo-"))
    figures = tell(place, free_port(), console, scale)
    found = checks(figures, scale.demands)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(drawn(figures, found), encoding="utf-8")
    page.with_suffix(".json").write_text(json.dumps(figures.as_json(), indent=1), encoding="utf-8")
    if home is None:
        shutil.rmtree(place, ignore_errors=True)
    return found
