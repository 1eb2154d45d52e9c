"""What does not fit into memory is refused before it starts, with what would fit."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import LlamaConfig, LlamaForCausalLM

from mainspring.training.errors import TrainingFailed
from mainspring.training.estimate import Build, estimate, parts_that_fit
from mainspring.training.loop import Loop
from tests.workers.fitting import Examples, model, train, workshop
from workers.gpu.recipes import memory

BUILD = Build(parameters=2_360_000, trained=2_360_000, layers=4, hidden=192, inner=424, vocabulary=4096)


class Long(Examples):
    """Of a million tokens each."""

    def __getitem__(self, place: int) -> dict:
        return {"input_ids": range(2**20)}


def test_a_batch_that_is_too_large_is_refused_with_one_that_fits() -> None:
    loop = Loop(steps=10, batch_size=2**20)
    with pytest.raises(TrainingFailed) as refused:
        memory.require(model(), loop, Examples())
    assert refused.value.field == "parameters.batch_size"
    assert "accumulation_steps of " in (refused.value.remedy or "")
    parts = int((refused.value.remedy or "").partition("accumulation_steps of ")[2].partition(",")[0])
    memory.require(model(), replace(loop, accumulation_steps=2 * parts), Examples())


def test_texts_that_are_too_long_are_refused() -> None:
    with pytest.raises(TrainingFailed) as refused:
        memory.require(model(), Loop(steps=10, batch_size=2**10), Long())
    assert refused.value.field in {"parameters.block_length", "parameters.batch_size"}


def test_a_base_is_looked_at_before_it_is_loaded(tmp_path: Path) -> None:
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    memory.require_for(tmp_path, Loop(steps=1, batch_size=2), 32)
    with pytest.raises(TrainingFailed):
        memory.require_for(tmp_path, Loop(steps=1, batch_size=2**30), 32)


def test_what_fits_is_trained_and_what_cannot_be_shared_out_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed) as refused:
        train(workshop(tmp_path), Loop(steps=2, batch_size=4, accumulation_steps=3))
    assert refused.value.field == "parameters.batch_size"
    assert "multiple of 3" in (refused.value.remedy or "")


@given(st.integers(1, 64), st.integers(1, 4096), st.integers(10**7, 10**11))
def test_parts_are_the_fewest_that_fit(batch: int, length: int, room: int) -> None:
    parts = parts_that_fit(BUILD, batch, length, room)
    if parts is None:
        assert estimate(BUILD, 1, length).total > room
        return
    assert batch % parts == 0
    assert estimate(BUILD, batch // parts, length).total <= room
    fewer = [one for one in range(1, parts) if batch % one == 0]
    assert all(estimate(BUILD, batch // one, length).total > room for one in fewer)


def test_an_adapter_needs_neither_gradients_nor_an_optimizer_of_its_base() -> None:
    whole, adapter = estimate(BUILD, 4, 64), estimate(replace(BUILD, trained=10_000), 4, 64)
    assert adapter.held < whole.held / 3
    assert adapter.activations == whole.activations
