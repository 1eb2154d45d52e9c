"""What is chosen at load: measured when nothing is known, and taken as it is when something is."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mainspring.serving.engine import Plan
from mainspring.settings import Settings
from tests.contract import models
from tests.contract import slotted_models as tiny
from workers.gpu import device
from workers.gpu.load import load_version
from workers.gpu.planning import plan_for

pytestmark = pytest.mark.skipif(
    device.device().type != "cpu", reason="on a GPU there is no choice to measure"
)


def test_every_candidate_is_measured_and_the_fastest_of_equal_slots_chosen() -> None:
    plan = plan_for(tiny.build("llama"), "auto")
    names = {(one["engine"], one["slots"], one["threads"]) for one in plan.tried}
    most = device.use_threads()
    assert {("slots", 16, 1), ("slots", 16, most), ("continuous", 16, most)} <= names
    assert {one["slots"] for one in plan.tried if one["engine"] == "slots"} == {16, 32, 64}
    speeds = {(one["engine"], one["slots"]): one["tokens_per_second"] for one in plan.tried}
    assert min(speeds.values()) > 0
    few = max(
        one["tokens_per_second"] for one in plan.tried if (one["engine"], one["slots"]) == ("slots", 16)
    )
    assert (plan.engine == "slots") == (few >= speeds["continuous", 16])
    assert (plan.engine, plan.slots, plan.threads) in names


def test_slots_that_are_asked_for_are_not_compared_with_the_stock_batch() -> None:
    plan = plan_for(tiny.build("llama"), "slots")
    assert {one["engine"] for one in plan.tried} == {"slots"}


def test_the_measurement_leaves_the_model_as_right_as_it_was() -> None:
    model = tiny.build("llama")
    expected = tiny.generated(tiny.build("llama"), tiny.prompt(20), 12)
    plan_for(model, "auto")
    model.config._attn_implementation = "sdpa"
    assert tiny.generated(model, tiny.prompt(20), 12) == expected


def test_a_known_plan_is_followed_without_measuring_unless_it_is_of_another_format() -> None:
    known = Plan("slots", 5, 1, "float32", [{"engine": "slots"}])
    assert plan_for(tiny.build("llama"), "auto", known) is known
    assert plan_for(tiny.build("llama"), "slots", replace(known, dtype="bfloat16")).slots > 5


def test_an_engine_runs_as_planned(tmp_path: Path) -> None:
    path = models.save(models.causal("llama"), models.byte_level(), tmp_path)
    dtype = str(device.dtype()).removeprefix("torch.")
    for known in (Plan("slots", 3, 1, dtype), Plan("continuous", 7, 2, dtype)):
        engine = load_version(path, "text-generation", Settings(), "auto", known)
        assert (engine.name, engine.capacity, engine.plan) == (known.engine, known.slots, known)
        engine.stop()


def test_the_number_format_is_one_of_those_that_were_compared() -> None:
    assert device.faster(torch.float32) is torch.float32
    assert device.faster(torch.bfloat16, torch.float32) in {torch.bfloat16, torch.float32}
