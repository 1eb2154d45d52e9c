"""Where a dataset is made: for which deployment, with which database, and who is told how far it is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mainspring.tables import Database
from mainspring.terms import Task

Tell = Callable[[float, str, dict[str, Any]], None]


@dataclass(frozen=True)
class Surroundings:
    """`datasets`: the folder of all of them. `tell`: fraction, activity, measures; raises when the work has to stop."""

    database: Database
    datasets: Path
    deployment: str
    task: Task
    now: datetime
    tell: Tell


@dataclass(frozen=True)
class Curated:
    """`rows` by split, `kinds` by kind, `bytes` of all its files. `folder` is the one that was given to fill."""

    folder: Path
    digest: str
    rows: dict[str, int]
    kinds: dict[str, int]
    bytes: int
    card: dict[str, Any]
