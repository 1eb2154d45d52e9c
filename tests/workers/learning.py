"""What a recipe's test begins with: a dataset in its folder, a workshop, and the recipe carried out without a run."""

import hashlib
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from mainspring.curation import files
from mainspring.curation.rows import Kind, Message, Origin, Row, Split
from mainspring.registry import inspect, put
from mainspring.tables import Task
from mainspring.training.recipes import SHAPES, validated
from tests.contract import models
from workers.gpu.recipes.book import RECIPES
from workers.gpu.recipes.workshop import Made, Workshop

QUICK = {"steps": 4, "batch_size": 4, "block_length": 32}


def text(said: str, heading: str = "", target: str | None = None) -> Row:
    return Row(Kind.TEXT, Origin.UPLOAD, "test", said, text=said, heading=heading, target=target)


def chat(asked: str, answer: str) -> Row:
    said = (Message("user", asked), Message("assistant", answer))
    return Row(Kind.CHAT, Origin.UPLOAD, "test", asked, messages=said)


def labelled(said: str, label: str) -> Row:
    return Row(Kind.LABELLED, Origin.FEEDBACK, "test", said, text=said, label=label)


def preference(asked: str, chosen: str | None, rejected: str | None) -> Row:
    said = (Message("user", asked),)
    return Row(
        Kind.PREFERENCE, Origin.FEEDBACK, "test", asked, messages=said, chosen=chosen, rejected=rejected
    )


def causal(folder: Path) -> Path:
    tokenizer = models.byte_level()
    tokenizer.chat_template = models.CHAT
    return models.save(models.causal("llama"), tokenizer, folder)


def dataset(root: Path, rows: list[Row], held_out: int = 5) -> str:
    """Every so many rows one is held out. Its digest is as good as any here."""
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()
    folder = root / "datasets" / digest
    folder.mkdir(parents=True)
    files.write(folder, Split.HELD_OUT, rows[::held_out])
    files.write(folder, Split.TRAIN, [row for at, row in enumerate(rows) if at % held_out])
    return digest


def workshop(folder: Path, datasets: Path, told: list[Any] | None = None) -> Workshop:
    def tell(*what: Any) -> None:
        if told is not None:
            told.append(what)

    return Workshop(folder, 1, tell, lambda: False, datasets)


def stored(root: Path, folder: Path, task: Task) -> Path:
    """As a version is."""
    store = root / "store"
    return store / put(store, folder, inspect(folder, task, store).files).digest


def learn(root: Path, recipe: str, task: Task, given: dict[str, Any]) -> Made:
    """As a run does it, without one."""
    asked = validated(
        recipe, task, QUICK | {name: value for name, value in given.items() if value is not None}
    )
    parameters = SHAPES[recipe].model_validate(asked.model_dump(exclude_none=True))
    return RECIPES[recipe](parameters, task, workshop(Path(mkdtemp(dir=root)), root / "datasets"))
