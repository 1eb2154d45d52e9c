"""Speed, tasks of the harness, metrics of others, adapters."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from mainspring.evaluation.errors import EvaluationFailed
from mainspring.evaluation.pairing import Scale
from mainspring.terms import Task
from tests.contract import models
from tests.workers.measuring import Told, measure
from tests.workers.test_evaluating_likelihood import CHATS, ROWS, causal
from workers.gpu.evaluating import extra
from workers.gpu.evaluating.scores import Score
from workers.gpu.evaluating.task import Sets

CAUSAL = Task.TEXT_GENERATION
CHOICES = """
task: clocks
dataset_path: json
dataset_kwargs:
  data_files:
    test: clocks.jsonl
output_type: multiple_choice
test_split: test
doc_to_text: "{{question}}"
doc_to_choice: "{{choices}}"
doc_to_target: "{{answer}}"
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "clocks.yaml").write_text(CHOICES)
    lines = [
        {"question": f"Who wound watch {number}?", "choices": ["Ada", "the watchmaker"], "answer": number % 2}
        for number in range(12)
    ]
    (folder / "clocks.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def test_both_are_timed_on_the_same_questions(tmp_path: Path) -> None:
    told = Told()
    one, other = causal(tmp_path / "a"), causal(tmp_path / "b")
    found = measure(tmp_path, CAUSAL, one, other, told=told, plan={"timed": 6}, new=CHATS)
    for name, better in (("latency", "lower"), ("throughput", "higher")):
        figure = found.of(name)
        assert figure is not None
        assert figure.challenger is not None
        assert figure.champion is not None
        assert figure.difference is not None
        assert figure.challenger.value > 0
        assert (figure.better, figure.items >= 5) == (better, True)
    assert told.activities[-2:] == ["timing answers", "measured"]
    assert told.fractions == sorted(told.fractions)
    alone = measure(tmp_path, Task.TEXT_GENERATION, one, None, plan={"timed": 6}, new=ROWS)
    assert alone.of("latency") is not None


def test_a_task_of_the_harness_from_its_folder(tmp_path: Path, tasks: Path) -> None:
    path = causal(tmp_path / "a")
    plan = {"harness": {"folder": str(tasks), "tasks": ["clocks"], "items": 10}}
    found = measure(tmp_path, CAUSAL, path, path, plan=plan).of("harness.clocks")
    assert found is not None
    assert found.challenger is not None
    assert (found.unit, found.better, found.items) == ("acc", "higher", 10)
    assert 0 <= found.challenger.value <= 1
    assert found.difference is not None
    assert found.difference.value == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("{{question}}", "!x"), "no file"),
        (('"{{question}}"', "!function steal.keys"), "not plain YAML"),
        (("dataset_path: json", "dataset_path: someone/data"), "from elsewhere"),
        (("clocks.jsonl", "../../clocks.jsonl"), "not in its folder"),
        (("metric: acc", "metric: someone/metric"), "not part of the harness"),
    ],
)
def test_what_the_harness_would_fetch_or_run_is_refused(
    tmp_path: Path, tasks: Path, change: tuple[str, str], why: str
) -> None:
    (tasks / "clocks.yaml").write_text(CHOICES.replace(*change))
    name = "others" if why == "no file" else "clocks"
    plan = {"harness": {"folder": str(tasks), "tasks": [name]}}
    with pytest.raises(EvaluationFailed, match=why) as refused:
        measure(tmp_path, CAUSAL, causal(tmp_path / "a"), None, plan=plan)
    assert refused.value.field == "policy.evaluation.harness"
    assert refused.value.remedy


class Short:
    """Whether a text is short: whatever the model."""

    name = "short"

    def scale(self, name: str) -> Scale:
        return Scale(name, "share of texts", top=1.0)

    def measure(self, _model: Any, _tokenizer: Any, sets: Sets) -> dict[str, Sequence[Score | None]]:
        return {name: [Score(float(len(row.text) < 70)) for row in rows] for name, rows in sets.items()}


@pytest.fixture
def short() -> Iterator[str]:
    extra.register(Short())
    yield "short"
    del extra.EXTRA["short"]


def test_a_metric_of_others_by_its_name(tmp_path: Path, short: str) -> None:
    path = causal(tmp_path / "a")
    found = measure(tmp_path, CAUSAL, path, path, extra=(short,), new=ROWS).of("short.new")
    assert found is not None
    assert found.challenger is not None
    assert 0 < found.challenger.value < 1
    with pytest.raises(EvaluationFailed, match="there is no metric"):
        measure(tmp_path, CAUSAL, path, None, extra=("safety",), new=ROWS)


def test_an_adapter_beside_its_base(tmp_path: Path) -> None:
    """As the store has it: the small files, and the digest of the folder beside them."""
    base = causal(tmp_path / "base")
    torch.manual_seed(3)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    adapted: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    adapted.save_pretrained(tmp_path / "adapter")
    (tmp_path / "adapter" / "base.json").write_text(json.dumps({"digest": "base"}))
    found = measure(tmp_path, CAUSAL, tmp_path / "adapter", base, plan={"timed": 2}, new=ROWS)
    likely = found.of("likelihood.new")
    assert likely is not None
    assert likely.unit == "nats per token"
    assert likely.difference is not None
    assert likely.difference.value != 0
    merged = adapted.merge_and_unload()
    merged.save_pretrained(tmp_path / "merged", max_shard_size="100KB")
    models.byte_level().save_pretrained(tmp_path / "merged")
    assert len(list((tmp_path / "merged").glob("model-*.safetensors"))) > 1
    whole = measure(tmp_path, CAUSAL, tmp_path / "merged", base, new=ROWS).of("likelihood.new")
    assert whole is not None
    assert whole.challenger is not None
    assert likely.challenger is not None
    assert whole.challenger.value == pytest.approx(likely.challenger.value, rel=1e-3)
