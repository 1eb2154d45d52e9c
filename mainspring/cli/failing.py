"""How a command fails: in two lines for people, under --json in one line of JSON, on standard error; exit code 1."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console

from mainspring.errors import InvalidRequest, MainspringError, Unreachable
from mainspring.local.doors import unreachable, where
from mainspring.settings import Settings


@contextmanager
def explained() -> Iterator[None]:
    """Whatever can go wrong with what a person typed or an api answered ends the process without a traceback."""
    try:
        yield
    except MainspringError as error:
        _tell(error)
    except ValidationError as error:  # only Settings are read from what a person typed
        first = error.errors()[0]
        name = "MAINSPRING_" + "_".join(str(part) for part in first["loc"]).upper()
        _tell(InvalidRequest(first["msg"], field=name, remedy=f"Correct {name} in the environment."))
    except httpx.TransportError as error:
        _tell(unreachable(Settings(), error))
    except json.JSONDecodeError:  # files and options are read with errors of their own
        _tell(
            Unreachable(
                f"what answers at {where(Settings())} is no Mainspring api",
                remedy="Check MAINSPRING_URL, or MAINSPRING_HOST and MAINSPRING_PORT.",
            )
        )


def _tell(error: MainspringError) -> None:
    if "--json" in sys.argv[1:]:
        said = {"code": error.code, "detail": error.detail, "field": error.field, "remedy": error.remedy}
        typer.echo(json.dumps(said), err=True)
    else:
        _explain(f"{error.field}: {error.detail}" if error.field else error.detail, error.remedy)
    sys.exit(1)


def _explain(detail: str, remedy: str | None) -> None:
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("[red]problem[/] ", end="")
    console.print(detail, markup=False)
    if remedy:
        console.print("[green]remedy[/]  ", end="")
        console.print(remedy, markup=False)
