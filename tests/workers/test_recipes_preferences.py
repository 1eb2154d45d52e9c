"""Preference tuning: the better answer gains on the worse one; nothing of trl's own is left in what is stored."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from mainspring.errors import InvalidRequest
from mainspring.tables import Task
from mainspring.training.recipes import validated
from tests.workers.learning import causal, dataset, learn, preference, stored
from workers.gpu.load import check_loadable

ROWS = [preference(f"What drives gear {number}?", "The spring does.", "No idea.") for number in range(30)]
QUICKLY = {"learning_rate": 0.003, "steps": 8, "block_length": 64}


@pytest.mark.parametrize("method", ["dpo", "kto"])
@pytest.mark.parametrize("lora", [None, {"rank": 4}])
def test_what_is_preferred_gains(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, method: str, lora: dict[str, Any] | None
) -> None:
    base = causal(tmp_path / "base")
    given = {"base": str(base), "dataset": dataset(tmp_path, ROWS), "method": method, "lora": lora} | QUICKLY
    with caplog.at_level(logging.DEBUG):
        made = learn(tmp_path, "preference-tuning", Task.TEXT_GENERATION, given)
    assert made.measures["loss"] < made.measures["loss_before"]
    if method == "dpo":
        assert made.measures["loss_before"] == pytest.approx(0.6931, abs=1e-3)
        assert made.measures["accuracy"] == 1
    assert check_loadable(made.folder, "text-generation")["architecture"] == "LlamaForCausalLM"
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        assert (made.folder / name).read_bytes() == (base / name).read_bytes()
    before, after = (json.loads((place / "config.json").read_text()) for place in (base, made.folder))
    assert before == after
    assert "gear 1" not in caplog.text


def test_an_adapter_is_all_that_is_kept(tmp_path: Path) -> None:
    base = stored(tmp_path, causal(tmp_path / "base"), Task.TEXT_GENERATION)
    given = {
        "base": str(base),
        "dataset": dataset(tmp_path, ROWS),
        "lora": {"rank": 2, "merge": False},
    } | QUICKLY
    made = learn(tmp_path, "preference-tuning", Task.TEXT_GENERATION, given)
    place = stored(tmp_path, made.folder, Task.TEXT_GENERATION)
    assert check_loadable(place, "text-generation")["architecture"] == "LlamaForCausalLM"


def test_ratings_need_no_pairs(tmp_path: Path) -> None:
    rows = [
        preference(
            f"What drives gear {number}?", *(("It is the spring.", None) if number % 3 else (None, "No."))
        )
        for number in range(30)
    ]
    given = {"base": str(causal(tmp_path / "base")), "dataset": dataset(tmp_path, rows)} | QUICKLY
    made = learn(tmp_path, "preference-tuning", Task.TEXT_GENERATION, given | {"method": "kto"})
    assert made.measures["loss"] < made.measures["loss_before"]
    with pytest.raises(InvalidRequest) as refused:
        validated("preference-tuning", Task.TEXT_GENERATION, given | {"method": "kto", "batch_size": 1})
    assert refused.value.field == "parameters.batch_size"
