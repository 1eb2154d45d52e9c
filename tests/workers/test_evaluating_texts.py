"""What is measured of versions that write: by reading, by what they write, by prompts and by a judge."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mainspring.curation.rows import Kind, Message, Origin, Row
from mainspring.evaluation.results import Measured, Results
from mainspring.terms import Task
from tests.contract import models, seq2seq_models
from tests.workers.measuring import chat, dataset, measure, text
from tests.workers.test_evaluating_likelihood import CHATS, ROWS, causal

CAUSAL, TRANSLATION = Task.TEXT_GENERATION, Task.TRANSLATION
GERMAN = {"target_language": "de"}
TASKS = (
    ("t5", GERMAN),
    ("mbart", {"source_language": "en_XX", "target_language": "de_DE"}),
    ("nllb", {"target_language": "deu_Latn"}),
    ("bart", {}),
)
TURNED = [
    text(f"{number} {models.TEXTS[number % 4]}", target=models.TEXTS[(number + 1) % 4])
    for number in range(12)
]


def of(found: Results, name: str) -> Measured:
    one = found.of(name)
    assert one is not None, [each.name for each in found.measured]
    assert one.challenger is not None
    return one


def test_how_sure_it_is_and_how_easily_moved(tmp_path: Path) -> None:
    one, other = causal(tmp_path / "a"), causal(tmp_path / "b", "qwen2")
    found = measure(tmp_path, CAUSAL, one, other, plan={"perturbed": 6}, new=CHATS, old=ROWS)
    sure = of(found, "calibration.new")
    assert 0 <= sure.challenger.value <= 1  # type: ignore[union-attr]
    assert (sure.better, sure.items) == ("lower", 20)
    assert of(found, "robustness.new").items == 6
    assert found.of("robustness.old") is None  # nothing is asked there
    same = measure(tmp_path, CAUSAL, one, one, plan={"perturbed": 6}, new=CHATS)
    moved = of(same, "robustness.new")
    assert moved.difference is not None
    assert moved.difference.value == 0


def test_of_two_answers_the_likelier(tmp_path: Path) -> None:
    path = causal(tmp_path / "a")
    said = (Message("user", "Who?"),)
    rows = [
        Row(Kind.PREFERENCE, Origin.FEEDBACK, "t", str(at), messages=said, chosen=good, rejected=bad)
        for at, (good, bad) in enumerate([("The watch.", "Ada."), ("Ada.", "The watch.")])
    ]
    found = of(measure(tmp_path, CAUSAL, path, None, new=rows), "preference.new")
    assert found.challenger.value == 0.5  # type: ignore[union-attr]


def test_what_it_writes_where_the_plan_asks(tmp_path: Path) -> None:
    path = causal(tmp_path / "a")
    plan = {"metrics": ["chrf", "exact_match.new", "accuracy"]}
    found = measure(tmp_path, CAUSAL, path, path, plan=plan, new=CHATS[:6], old=CHATS[6:12])
    assert [one.name for one in found.measured] == ["chrf.new", "exact_match.new", "chrf.old"]
    assert of(found, "chrf.new").difference.value == 0  # type: ignore[union-attr]
    assert found.notes == ("accuracy: it is not measured of these",)


def test_golden_prompts(tmp_path: Path) -> None:
    path = causal(tmp_path / "a")
    golden = [
        {"input": "The mainspring", "checks": [{"max_length": 1000}]},
        {"input": {"messages": [{"role": "user", "content": "Who?"}]}, "checks": [{"equals": "nobody"}]},
    ]
    found = of(measure(tmp_path, CAUSAL, path, path, plan={"golden": golden}), "golden")
    assert found.challenger.value == 0.5  # type: ignore[union-attr]
    assert found.details["whole"]


def test_a_judge_is_asked_in_both_orders_and_never_told_whose(tmp_path: Path) -> None:
    asked: list[str] = []

    def first(questions: Sequence[str]) -> list[str | None]:
        asked.extend(questions)
        return ["A"] * len(questions)

    one, other = causal(tmp_path / "a"), causal(tmp_path / "b", "qwen2")
    plan = {"judge": {"deployment": "judge", "items": 8}}
    found = of(measure(tmp_path, CAUSAL, one, other, plan=plan, ask=first, new=CHATS), "judge")
    assert len(asked) == 16
    assert found.details["ties"] == found.details["swayed_by_order"] == 8
    assert "challenger" not in "".join(asked)
    without = measure(tmp_path, CAUSAL, one, other, plan=plan, new=CHATS)
    assert without.of("judge") is None
    assert any("judge" in note for note in without.notes)


@pytest.mark.parametrize(("name", "parameters"), TASKS)
def test_what_reads_one_text_and_writes_another(
    tmp_path: Path, name: str, parameters: dict[str, str]
) -> None:
    path = getattr(seq2seq_models, name)(tmp_path / "model")
    task, wrote = (TRANSLATION, "chrf.new") if parameters else (Task.SUMMARIZATION, "rouge_l.new")
    found = measure(tmp_path, task, path, path, plan={"perturbed": 3}, parameters=parameters, new=TURNED)
    names = ["likelihood.new", "calibration.new", "robustness.new", wrote]
    assert [one.name for one in found.measured] == names
    assert all(one.difference is not None and one.difference.value == 0 for one in found.measured)
    assert of(found, "likelihood.new").challenger.value < 0  # type: ignore[union-attr]
    assert found.notes == ()


def test_a_translation_by_what_the_model_says_token_by_token(tmp_path: Path) -> None:
    import torch

    from workers.gpu.load import load_model

    path = seq2seq_models.t5(tmp_path / "model")
    found = measure(tmp_path, TRANSLATION, path, None, parameters=GERMAN, new=TURNED[:1])
    loaded: Any = load_model(path, TRANSLATION)
    row = TURNED[0]
    source = loaded.tokenizer(f"translate English to German: {row.text}", return_tensors="pt")
    labels = loaded.tokenizer(row.target, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        logs = loaded.model(**source, labels=labels).logits[0].float().log_softmax(dim=-1)
    kept = [
        at for at, token in enumerate(labels[0].tolist()) if token not in loaded.tokenizer.all_special_ids
    ]
    wanted = logs[kept].gather(1, labels[0][kept][:, None]).mean()
    assert of(found, "likelihood.new").challenger.value == pytest.approx(float(wanted), rel=1e-4)  # type: ignore[union-attr]


def test_a_language_that_it_does_not_know_leaves_nothing_to_measure(tmp_path: Path) -> None:
    path = seq2seq_models.t5(tmp_path / "model")
    found = measure(tmp_path, TRANSLATION, path, path, parameters={"target_language": "tlh"}, new=TURNED)
    assert all(one.challenger is None for one in found.measured)
    assert found.notes


def test_an_asked_text_is_told_by_its_heading(tmp_path: Path) -> None:
    path = causal(tmp_path / "a")
    headed = [replace(row, heading="watch") for row in ROWS[:4]]
    asked = [chat("watch", row.text) for row in ROWS[:4]]
    found = measure(tmp_path, CAUSAL, path, None, new=headed, old=asked)
    one, other = (of(found, name).challenger for name in ("likelihood.new", "likelihood.old"))
    assert one == other or (one.value == pytest.approx(other.value))  # type: ignore[union-attr]


def test_a_set_of_no_rows_is_noted(tmp_path: Path) -> None:
    path = causal(tmp_path / "a")
    dataset(tmp_path, [])
    found = measure(tmp_path, CAUSAL, path, None, new=[], old=ROWS[:4])
    assert "new: there are no rows to measure with" in found.notes
