"""What a test of measuring begins with: tiny versions in their folders, datasets in theirs, and whoever hears of it."""

import hashlib
from pathlib import Path
from typing import Any

from mainspring.curation import files
from mainspring.curation.rows import Kind, Message, Origin, Row, Split
from mainspring.evaluation.plan import SuitePlan
from mainspring.evaluation.results import Results
from mainspring.evaluation.suite import MeasuringSet, Suite
from mainspring.settings import Settings
from mainspring.terms import Task
from workers.gpu.evaluating import evaluate
from workers.gpu.evaluating.prompted import Ask


def text(said: str, group: str = "", heading: str = "", target: str | None = None) -> Row:
    return Row(Kind.TEXT, Origin.UPLOAD, "test", group or said, text=said, heading=heading, target=target)


def chat(asked: str, answer: str, context: str = "") -> Row:
    said = (Message("user", asked), Message("assistant", answer))
    return Row(Kind.CHAT, Origin.UPLOAD, "test", asked, text=context, messages=said)


def labelled(said: str, label: str, origin: Origin = Origin.UPLOAD) -> Row:
    return Row(Kind.LABELLED, origin, "test", said, text=said, label=label)


def dataset(root: Path, rows: list[Row]) -> str:
    """All of it held out. Its digest is as good as any here."""
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()
    folder = root / digest
    folder.mkdir(parents=True, exist_ok=True)
    files.write(folder, Split.HELD_OUT, rows)
    return digest


class Told:
    """What an evaluation said of itself."""

    def __init__(self) -> None:
        self.fractions: list[float] = []
        self.activities: list[str] = []

    def __call__(self, fraction: float, activity: str, _: dict[str, Any]) -> None:
        self.fractions.append(fraction)
        self.activities.append(activity)


def measure(
    root: Path,
    task: Task,
    challenger: Path,
    champion: Path | None,
    *,
    told: Told | None = None,
    plan: dict[str, Any] | None = None,
    extra: tuple[str, ...] = (),
    parameters: dict[str, Any] | None = None,
    ask: Ask | None = None,
    **rows: list[Row],
) -> Results:
    """Of sets by their names. Nothing is timed unless the plan says so."""
    sets = tuple(MeasuringSet(name=name, dataset=dataset(root, some)) for name, some in rows.items())
    wishes = SuitePlan.model_validate({"timed": 0, "perturbed": 0, "tokens": 8} | (plan or {}))
    suite = Suite(task=task, sets=sets, plan=wishes, parameters=parameters or {}, extra=extra)
    settings = Settings(compile_steps=False)
    return evaluate(suite, challenger, champion, root, told or Told(), settings=settings, ask=ask)
