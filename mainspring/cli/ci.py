"""`mainspring ci`: validate, test and stage a candidate in a pipeline, with a report and an exit code."""

import json
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mainspring.checking.candidate import Demands, GivenSet
from mainspring.checking.cases import Outcome, Report
from mainspring.checking.junit import as_junit
from mainspring.checking.markdown import as_markdown
from mainspring.checking.prompts import unnamed
from mainspring.checking.run import Asked, Run
from mainspring.cli.prompt_file import read
from mainspring.cli.stack import AsJson
from mainspring.errors import InvalidRequest, MainspringError, StackError
from mainspring.local.doors import client, own
from mainspring.settings import Environment, Settings

POLL_SECONDS = 0.2
_COLOURS = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.ERROR: "yellow", Outcome.SKIPPED: "dim"}


Given = Annotated[Path, typer.Argument(help="A file of YAML, as mainspring apply reads it.")]
Candidate = Annotated[
    str | None, typer.Option(help="A folder, a hub id or a version; else the model that the file declares.")
]
Named = Annotated[str | None, typer.Option(help="Which of the file's; needed if there are several.")]
Revision = Annotated[str | None, typer.Option(help="Of the hub id: a branch, tag or commit.")]
Base = Annotated[str | None, typer.Option(help="Of an adapter: the version that it changes, such as chat@1.")]
Prompts = Annotated[
    list[str] | None,
    typer.Option(
        help="A file of prompts, NAME=FILE, or the name of a stored set; else the policy's, or all."
    ),
]
Agreement = Annotated[
    float | None, typer.Option(help="With the champion, at least; else the policy's.", min=0, max=1)
]
Right = Annotated[
    float | None,
    typer.Option(help="Share of what is expected; else as much as the champion has.", min=0, max=1),
]
Apart = Annotated[bool, typer.Option("--embedded", help="On a stack of its own, which is gone afterwards.")]
Champion = Annotated[
    str | None,
    typer.Option(
        help="With --embedded: the model that it is compared with; else the one that the file declares."
    ),
]
Staged = Annotated[bool, typer.Option("--stage", help="Bring it into staging; without, it waits in testing.")]
JUnit = Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")]
Markdown = Annotated[Path | None, typer.Option(help="Write a summary to this file.")]
Timeout = Annotated[float, typer.Option(help="Seconds for each thing that is waited for.", min=1)]


def ci(
    file: Given,
    *,
    candidate: Candidate = None,
    deployment: Named = None,
    revision: Revision = None,
    base: Base = None,
    prompts: Prompts = None,
    agreement: Agreement = None,
    right: Right = None,
    embedded: Apart = False,
    champion: Champion = None,
    stage: Staged = False,
    junit: JUnit = None,
    markdown: Markdown = None,
    timeout: Timeout = 900.0,
    as_json: AsJson = False,
) -> None:
    """Test a candidate where no client sees it. Exit code 0: passed; 1: refused; 2: it could not be run."""
    asked = Asked(
        file=file,
        model=_place(candidate),
        champion=_place(champion),
        deployment=deployment,
        revision=revision,
        base=base,
        demands=Demands(agreement, right),
        apart=embedded,
        stage=stage,
        seconds=timeout,
    )
    run = Run(asked, time.monotonic, partial(time.sleep, POLL_SECONDS))
    with _told_to_stop():
        _carry_out(run, prompts or [], Console(stderr=True, soft_wrap=True))
    report = run.report(datetime.now(UTC))
    if junit is not None:
        junit.write_text(as_junit(report, socket.gethostname()), encoding="utf-8")
    if markdown is not None:
        markdown.write_text(as_markdown(report), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(_as_json(report)))
    else:
        _show(report)
    raise typer.Exit(report.exit_code)


def _place(model: str | None) -> str | None:
    """A folder's name is meant from here."""
    return str(Path(model).resolve()) if model and Path(model).is_dir() else model


def _carry_out(run: Run, prompts: Sequence[str], console: Console) -> None:
    """Whatever goes wrong is a case."""
    try:
        sets = tuple(_given(one) for one in prompts)
        if not run.validate(sets):
            return
        if run.asked.apart:
            _apart(run, console)
        else:
            with client() as api:
                run.prove(api)
    except MainspringError as error:
        run.could_not(error)
    except KeyboardInterrupt:
        run.could_not(StackError("it was told to stop", remedy="Run it again."))


def _given(said: str) -> GivenSet:
    """Raises InvalidRequest."""
    name, equals, path = said.rpartition("=")
    if not equals and not Path(path).is_file():
        return GivenSet(path)
    if not Path(path).is_file():
        raise InvalidRequest(
            f"there is no file {path}", field="prompts", remedy="Give a prompt a line: --prompts NAME=FILE."
        )
    found = read(Path(path), "prompts")
    return GivenSet(name or unnamed(found.prompts), found.prompts, found.located)


def _apart(run: Run, console: Console) -> None:
    """On a stack that is stopped and removed afterwards. Raises StackError, also if it was stopped before the end."""
    from cryptography.fernet import Fernet

    from mainspring.local.up import up

    folder = Path(tempfile.mkdtemp(prefix="ms-ci-"))
    settings = Settings().model_copy(
        update={
            **dict.fromkeys(("database_url", "redis_url", "url", "api_key", "store_url", "mlflow_url"), ""),
            "home": folder / "home",
            "host": "127.0.0.1",
            "port": _free_port(),
            "otlp_endpoint": "",
            "environment": Environment.ALL,
            "text_keys": Fernet.generate_key().decode(),
        }
    )
    ended = False

    def story() -> None:
        nonlocal ended
        with own(settings) as api:
            run.prove(api)
        ended = True

    try:
        up(settings, console, starter=False, story=story)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not ended:
        raise StackError("it was told to stop", remedy="Run it again.")


@contextmanager
def _told_to_stop() -> Iterator[None]:
    """A pipeline that is cancelled sends SIGTERM: what was begun is held before it ends."""

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _show(report: Report) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for case in report.cases:
        console.print(f"[{_COLOURS[case.outcome]}]{case.outcome:<8}[/]", end="")
        told = f"  {case.detail}" if case.detail else ""
        console.print(f"{case.suite}: {case.name}{told}", markup=False)
        if case.remedy:
            console.print(f"        remedy: {case.remedy}", markup=False)
    for note in report.notes:
        console.print(note, markup=False)
    console.print(f"{report.facts.get('candidate', 'The candidate')}: {report.verdict}.", markup=False)


def _as_json(report: Report) -> dict[str, object]:
    cases = [asdict(case) for case in report.cases]
    return {"verdict": report.verdict, "facts": report.facts, "cases": cases, "notes": list(report.notes)}
