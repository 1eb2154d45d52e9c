"""Several candidates under one budget: the best by the gate's own metrics is made, and what the gate measures with chose nothing."""

from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from mainspring.curation import files
from mainspring.curation.rows import Split
from mainspring.errors import InvalidRequest
from mainspring.settings import Settings
from mainspring.tables import Database, Evaluation, RefreshState, Stage, Task, TrainingRun
from mainspring.training.recipes import validated
from tests.workers.learning import dataset, text
from tests.workers.refreshing import NEW, OLD, QUICK, Town, plan, write
from workers.gpu.recipes.choosing import set_apart
from workers.gpu.train import train
from workers.refreshing import refresh_once

CANDIDATES = {"idle": {"learning_rate": 1e-6}, "wild": {"learning_rate": 0.9}, "good": {"lora": {"rank": 8}}}
GATE = {
    "fewest_items": 5,
    "fewest_clusters": 5,
    "metrics": {"likelihood.new": {"role": "must_rise", "at_least": 0.1}},
}


def town(settings: Settings, database: Database, redis: Redis, folder: Path) -> Town:
    """Its refreshes try three candidates."""
    several = QUICK | {"steps": 60, "candidates": CANDIDATES}
    whole = {
        "refresh": plan(write(folder / NEW, NEW), replay=1.0) | {"parameters": several},
        "gate": GATE,
    }
    return Town(settings, database, redis, whole, write(folder / OLD, OLD))


def test_a_refresh_trains_several_and_goes_on_with_the_best(
    settings: Settings, database: Database, redis: Redis, tmp_path: Path
) -> None:
    """Its worker is stopped once the first has been measured: that one is not trained again."""
    here = town(settings, database, redis, tmp_path)
    here.ask()
    refresh_once(here.app, here.use)
    train(settings, lambda: False)  # the dataset
    refresh_once(here.app, here.use)
    assert here.refresh().run_id is not None

    def measures() -> dict[str, Any]:
        with database.transaction() as session:
            return dict(session.get_one(TrainingRun, here.refresh().run_id).measures or {})

    train(settings, lambda: "candidates" in measures())
    known = measures()["candidates"]
    (first,) = known
    ended = here.until_ended()
    made = here.version(ended.version_id)
    assert (ended.state, made.stage) == (RefreshState.RELEASED, Stage.PRODUCTION), ended.reason
    told = made.source["candidates"]
    assert (told["results"], told["chosen"]) == (measures()["candidates"], measures()["chosen"])
    assert told["results"][first] == known[first]
    assert told["chosen"] == "good"
    assert {name: len(rungs) for name, rungs in told["results"].items()} == {"idle": 1, "wild": 1, "good": 1}
    assert told["results"]["good"][0]["gained"] > told["results"]["idle"][0]["gained"]
    assert made.source["lora"]["rank"] == 8
    assert made.dataset is not None
    with database.transaction() as session:
        evaluation = session.get_one(Evaluation, ended.evaluation_id)
    (new,) = (one["dataset"] for one in evaluation.suite["sets"] if one["name"] == "new")
    assert new == made.dataset["digest"]  # what was held out of it has chosen nothing


def test_what_was_held_out_chooses_nothing(tmp_path: Path) -> None:
    rows = [text(f"Gear {number} has {number * 7 % 31} teeth.") for number in range(200)]
    digest, into = dataset(tmp_path, rows), tmp_path / "mine"
    name = set_apart(tmp_path / "datasets", digest, into)
    before = {one.text for one in files.read(tmp_path / "datasets" / digest, Split.TRAIN)}
    training, choosing = ({one.text for one in files.read(into / name, split)} for split in Split)
    assert training | choosing == before
    assert not training & choosing
    assert 10 <= len(choosing) <= 45
    assert set_apart(tmp_path / "datasets", digest, into) == name


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"steps": 2}, "parameters.steps"),
        ({"candidates": {"one": {}}}, "parameters.candidates"),
        ({"candidates": {"a": {}, "../b": {}}}, "parameters.candidates.../b.[key]"),
        ({"candidates": {"a": {}, "b": {"block_length": 8}}}, "parameters.candidates.b.block_length"),
        ({"candidates": {"a": {}, "b": {"learning_rate": 7}}}, "parameters.candidates.b.learning_rate"),
        ({"candidates": {"a": {}, "b": {"lora": {"merge": False}}}}, "parameters.candidates.b.lora.merge"),
    ],
)
def test_candidates_that_cannot_be(given: dict[str, Any], field: str) -> None:
    asked = {"base": "d@1", "dataset": "0" * 64, "candidates": CANDIDATES} | given
    with pytest.raises(InvalidRequest) as refused:
        validated("supervised-fine-tuning", Task.TEXT_GENERATION, asked)
    assert refused.value.field == field
    assert refused.value.remedy


def test_candidates_without_a_dataset_are_refused() -> None:
    asked = {"corpus": {"docstrings": ["json"]}, "base": "d@1", "candidates": CANDIDATES}
    with pytest.raises(InvalidRequest) as refused:
        validated("continued-pretraining", Task.TEXT_GENERATION, asked)
    assert refused.value.field == "parameters.dataset"
