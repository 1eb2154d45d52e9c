"""Each recipe from the request to a version in production, in a few steps; and from a checkpoint onwards."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from redis import Redis
from sqlalchemy import select

from mainspring.local.starter import starters
from mainspring.serving import stream
from mainspring.settings import Settings
from mainspring.tables import Database, Deployment, Event, Stage, Task, TrainingRun, Version, WorkState
from mainspring.training import runs
from workers.gpu.load import check_loadable
from workers.gpu.train import train

ENCODER = starters()[0].parameters["model"]
TINY = {"steps": 4, "batch_size": 2, "block_length": 16, "checkpoint_steps": 1}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(40):
        text = f"Gear {number}\n=======\n\nGear number {number} has {number * 7 % 31} teeth and drives its neighbour."
        (folder / f"{number}.md").write_text(text)
    return folder


def ask(database: Database, task: Task, recipe: str, parameters: dict[str, Any], name: str = "d") -> UUID:
    with database.transaction() as session:
        if session.get(Deployment, name) is None:
            session.add(Deployment(name=name, task=task.value))
            session.flush()
        return runs.request_run(session, name, recipe, parameters, asked_by="key 7").id


def look(database: Database, run_id: UUID) -> TrainingRun:
    with database.transaction() as session:
        return session.get_one(TrainingRun, run_id)


def version_of(database: Database, run: TrainingRun) -> Version:
    assert run.error is None
    assert run.state == WorkState.SUCCEEDED
    with database.transaction() as session:
        return session.get_one(Version, run.version_id)


def never() -> bool:
    return False


def carry_out(settings: Settings, stopping: Callable[[], bool] = never) -> None:
    train(settings, stopping)


def test_a_causal_model_from_nothing(
    settings: Settings, database: Database, redis: Redis, corpus: Path
) -> None:
    heard = redis.pubsub(ignore_subscribe_messages=True)
    heard.subscribe(stream.VERSIONS)
    heard.get_message(timeout=5)
    given = {"corpus": {"folder": str(corpus)}, **TINY}
    run = look(database, asked := ask(database, Task.TEXT_GENERATION, "continued-pretraining", given))
    carry_out(settings)
    run = look(database, asked)
    version = version_of(database, run)
    assert (version.label, version.stage) == ("d@1", Stage.PRODUCTION)
    assert version.architecture == "LlamaForCausalLM"
    assert 0 < run.measures["loss"] < 20
    path = settings.store / version.path
    assert check_loadable(path, "text-generation")["context_length"] == 512
    assert "add_generation_prompt" in (path / "chat_template.jinja").read_text()
    assert not (settings.home / "training" / str(run.id)).exists()
    assert heard.get_message(timeout=5) is not None
    goes_on = given | {"base": str(path), "seed": 5}
    second = ask(database, Task.TEXT_GENERATION, "continued-pretraining", goes_on)
    carry_out(settings)
    grown = version_of(database, look(database, second))
    assert grown.label == "d@2"
    assert (grown.source["parent"], grown.source["parent_digest"]) == ("d@1", version.digest)
    assert "parent" not in version.source
    assert version.dataset is not None
    assert (version.dataset["examples"], version.dataset["origin"]) == (40, {"folder": str(corpus)})
    assert grown.dataset == version.dataset
    assert grown.tokenizer is not None
    assert version.tokenizer is not None
    assert grown.tokenizer["kind"] == version.tokenizer["kind"]
    with database.transaction() as session:
        registered = select(Event).where(Event.kind == "version.registered").order_by(Event.id)
        told = session.scalars(registered).all()
    assert [(one.about, one.actor) for one in told] == [("d@1", "key 7"), ("d@2", "key 7")]
    assert told[1].inputs["dataset"] == version.dataset
    assert told[1].inputs["source"]["parent"] == "d@1"


def test_what_cannot_begin_its_rollout_stays_registered(
    settings: Settings, database: Database, corpus: Path
) -> None:
    """What was trained for hours is there, whatever is wrong with the way into production."""
    given = {"corpus": {"folder": str(corpus)}, **TINY}
    ask(database, Task.TEXT_GENERATION, "continued-pretraining", given)
    carry_out(settings)
    policies: list[dict[str, Any]] = [  # as older code may have taken them
        {"rollout": {"prompts": "nowhere"}},
        {"rollout": {"stepz": [0.1]}},
    ]
    for seed, policy in enumerate(policies, 1):
        with database.transaction() as session:
            session.get_one(Deployment, "d").policy = policy
        asked = ask(database, Task.TEXT_GENERATION, "continued-pretraining", given | {"seed": seed})
        carry_out(settings)
        version = version_of(database, look(database, asked))
        assert (version.number, version.stage) == (seed + 1, Stage.REGISTERED)
        assert (settings.store / version.path).is_dir()
        with database.transaction() as session:
            waits = select(Event).where(Event.kind == "version.waits", Event.about == version.label)
            told = session.scalars(waits).one()
        assert (told.inputs["run"], "field" in told.inputs) == (str(asked), True)
        assert ("nowhere" if seed == 1 else "policy") in told.reason


def test_stopped_and_resumed_it_makes_the_same_bytes(
    settings: Settings, database: Database, corpus: Path
) -> None:
    given = {"corpus": {"folder": str(corpus)}, **TINY}
    whole = ask(database, Task.TEXT_GENERATION, "continued-pretraining", given, "whole")
    carry_out(settings)
    broken = ask(database, Task.TEXT_GENERATION, "continued-pretraining", given, "broken")
    folder = settings.home / "training" / str(broken)
    carry_out(settings, lambda: any(folder.glob("checkpoints-1/checkpoint-1/trainer_state.json")))
    interrupted = look(database, broken)
    assert (interrupted.state, interrupted.attempt) == (WorkState.QUEUED, 1)
    carry_out(settings)
    resumed = look(database, broken)
    assert (resumed.attempt, resumed.measures["step"]) == (2, 4)
    digests = {version_of(database, run).digest for run in (look(database, whole), resumed)}
    assert len(digests) == 1


def test_a_classifier_from_labelled_lines(settings: Settings, database: Database, tmp_path: Path) -> None:
    texts = {
        "clocks": "The spring of clock {} drives its hands.",
        "bread": "Loaf {} is baked with flour and salt.",
    }
    lines = [
        json.dumps({"text": text.format(number), "label": label})
        for label, text in texts.items()
        for number in range(1000, 1040)
    ]
    (tmp_path / "examples.jsonl").write_text("\n".join(lines))
    given = {
        "base": ENCODER,
        "examples": {"file": str(tmp_path / "examples.jsonl")},
        "steps": 12,
        "batch_size": 8,
    }
    asked = ask(database, Task.TEXT_CLASSIFICATION, "encoder-fine-tuning", given | {"block_length": 16})
    carry_out(settings)
    run = look(database, asked)
    version = version_of(database, run)
    assert version.source["labels"] == ["bread", "clocks"]
    assert version.dataset is not None
    assert version.dataset["examples"] == 80
    assert version.dataset["origin"] == {"file": str(tmp_path / "examples.jsonl")}
    assert run.measures["accuracy"] > 0.9
    assert check_loadable(settings.store / version.path, "text-classification")["architecture"]


def test_an_import_is_stored_whole(settings: Settings, database: Database) -> None:
    asked = ask(database, Task.FEATURE_EXTRACTION, "import", {"model": ENCODER})
    carry_out(settings)
    version = version_of(database, look(database, asked))
    assert (version.architecture, version.context_length) == ("BertModel", 512)
    assert (settings.store / version.path / "1_Pooling" / "config.json").exists()


@pytest.mark.parametrize(
    ("task", "recipe", "parameters", "code"),
    [
        (Task.TEXT_GENERATION, "import", {"model": "/nowhere"}, "model_refused"),
        (Task.TEXT_GENERATION, "import", {"model": "nobody/no-such-model"}, "model_refused"),
        (Task.TEXT_CLASSIFICATION, "import", {"model": ENCODER}, "model_refused"),
        (
            Task.TEXT_GENERATION,
            "continued-pretraining",
            {"corpus": {"docstrings": ["no_such_module"]}},
            "training_failed",
        ),
        (
            Task.TEXT_CLASSIFICATION,
            "encoder-fine-tuning",
            {"base": ENCODER, "examples": {"file": "/nowhere"}},
            "training_failed",
        ),
    ],
)
def test_what_cannot_be_made_says_why(
    settings: Settings, database: Database, *, task: Task, recipe: str, parameters: dict[str, Any], code: str
) -> None:
    asked = ask(database, task, recipe, parameters)
    carry_out(settings)
    run = look(database, asked)
    assert run.state == WorkState.FAILED
    assert run.error is not None
    assert run.error["code"] == code
    assert run.error["field"]
    assert run.error["remedy"]
    assert run.incarnation is None
