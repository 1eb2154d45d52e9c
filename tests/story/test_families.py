"""Models of other families go the whole road by commands and a file alone: register, serve, train with LoRA, evaluate, promote."""

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from mainspring.curation.documents import docstrings
from mainspring.tables import Task
from tests.contract import models, seq2seq_models
from tests.faults.marked import marked
from tests.faults.stack import Stack
from tests.story.test_commands import command
from workers.gpu.load import load_model

POLICY = """\
deployments:
  {name}:
    task: {task}
    model: {model}
    policy:
      rollout: {{steps: [0.5], samples: 10000, approval: true}}
      drain: {{idle_seconds: 0, keep_seconds: 0}}
      evaluation: {{timed: 0, perturbed: 0, tokens: 8, judge: {{deployment: arbiter, items: 6}}}}
      gate: {{fewest_items: 5, fewest_clusters: 5, metrics: {{likelihood.new: {{role: must_rise, at_least: 1.0}}}}}}
"""
LEARN = ("steps=120", "batch_size=8", "block_length=48", "learning_rate=0.01", 'lora={"rank":8}')
WORDS = ("cat", "dog", "watch", "spring", "gear", "wheel", "hand", "case")


def encoder_decoder(folder: Path) -> tuple[Path, Task, list[dict[str, Any]]]:
    """Of T5's kind: its answers are turned texts."""
    rows = [
        {"text": f"{one} {other} {third}", "target": f"{third} {third} {third}"}
        for one in WORDS
        for other in WORDS
        for third in WORDS[:3]
    ]
    return seq2seq_models.t5(folder / "model"), Task.SUMMARIZATION, rows


def sharded(folder: Path) -> tuple[Path, Task, list[dict[str, Any]]]:
    """As hubs have large models: an index, and weights in several files."""
    whole = load_model(
        models.save(models.causal("qwen2"), models.byte_level(), folder / "whole"), "text-generation"
    )
    place = folder / "model"
    whole.model.save_pretrained(place, max_shard_size="30KB")
    whole.tokenizer.save_pretrained(place)
    assert len(list(place.glob("model-*-of-*.safetensors"))) > 1
    paragraphs = (part for one in docstrings("pydoc_data.topics") for part in one.text.split("\n\n"))
    rows = [{"text": part} for part in islice((one for one in paragraphs if len(one) > 200), 120)]
    return place, Task.TEXT_GENERATION, rows


@pytest.mark.timeout(300)
@pytest.mark.parametrize("family", [encoder_decoder, sharded])
def test_the_whole_road_without_a_line_of_code(stack: Stack, tmp_path: Path, family: Any) -> None:
    model, task, rows = family(tmp_path)
    name = family.__name__.replace("_", "-")
    plan, learned = tmp_path / "deployments.yaml", tmp_path / "rows.jsonl"
    plan.write_text(POLICY.format(name=name, task=task.value, model=model))
    learned.write_text("\n".join(map(json.dumps, rows)))

    def told(*words: str) -> dict[str, Any]:
        done = command(stack, *words, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    stack.deploy("arbiter", marked(tmp_path / "arbiter", "A\n"), "text-generation")
    assert command(stack, "apply", str(plan)).returncode == 0
    first = told("submit", name, "The watch", "--set", "max_tokens=4")
    assert (first["state"], first["version"]) == ("succeeded", f"{name}@1")
    dataset = told("datasets", "add", name, str(learned), "--licence", "mit", "--follow")
    recipe = "continued-pretraining" if task is Task.TEXT_GENERATION else "supervised-fine-tuning"
    given = [word for one in (f"base={name}@1", *LEARN) for word in ("--parameter", one)]
    run = told("train", name, "--recipe", recipe, *given, "--dataset", dataset["id"], "--follow")
    assert (run["state"], run["version"]) == ("succeeded", f"{name}@2")
    evaluated = told("evaluate", f"{name}@2")
    said = evaluated["verdict"]
    assert said["decision"] == "accept", "\n".join(said["reasons"])
    judged = [one for one in evaluated["results"]["measured"] if one["name"] == "judge"]
    if (
        task is Task.SUMMARIZATION
    ):  # there was something to answer; and who always says A finds neither the better one
        assert [(one["items"], one["difference"]["value"]) for one in judged] == [(6, 0.0)]
    told("promote", name)
    second = told("submit", name, "The watch", "--set", "max_tokens=4")
    assert (second["state"], second["version"]) == ("succeeded", f"{name}@2")
    assert second["output"] != first["output"]
