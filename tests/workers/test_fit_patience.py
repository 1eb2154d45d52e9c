"""The best of what was seen on the way is the result, and what gets no better ends early."""

import math
from dataclasses import replace
from pathlib import Path

import torch
from hypothesis import given
from hypothesis import strategies as st

from mainspring.training.loop import Loop
from mainspring.training.patience import Seen, best, exhausted
from tests.workers.fitting import Examples, Trained, model, train, workshop
from workers.gpu.recipes.checkpoints import complete
from workers.gpu.recipes.fit import fit

LOOP = Loop(steps=20, batch_size=4, seed=5, checkpoint_steps=100, evaluate_steps=2, patience=2)


class Other(Examples):
    """Of what was not learned: the numbers run backwards."""

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        ids = super().__getitem__(place)["input_ids"].flip(0)
        return {"input_ids": ids, "labels": ids}


def overlearn(folder: Path, loop: Loop, attempt: int = 1) -> Trained:
    """So fast that what was held out, which is something else, gets worse soon."""
    made, examples = model(), Examples()
    found = fit(made, loop, 3e-2, workshop(folder, attempt), training=examples, held_out=Other(6))
    return Trained(made, examples, found)


def test_what_gets_worse_ends_early_with_its_best(tmp_path: Path) -> None:
    early = overlearn(tmp_path / "early", LOOP)
    whole = overlearn(tmp_path / "whole", replace(LOOP, evaluate_steps=None, patience=None))
    kept = [one.step for one in complete(tmp_path / "early")]
    assert max(kept) < LOOP.steps
    assert early.measures["loss"] < whole.measures["loss"]
    assert len(early.examples.learned) < len(whole.examples.learned)
    again = overlearn(tmp_path / "early", LOOP, attempt=2)
    assert again.equals(early)
    assert (again.measures["loss"], again.examples.learned) == (early.measures["loss"], [])


def test_what_gets_better_goes_to_its_end(tmp_path: Path) -> None:
    told: list[dict] = []
    at = workshop(tmp_path, tell=lambda *said: told.append(said[2]))
    looked = train(at, replace(LOOP, steps=8), rate=3e-3)
    assert len(looked.examples.learned) == 8 * LOOP.batch_size
    last = [measures for measures in told if "step" in measures][-1]
    assert last["step"] == 8
    assert last["held_out_loss"] > 0


def test_looks_cost_a_tenth() -> None:
    loop = Loop(steps=1000, batch_size=16, patience=3)
    assert loop.looks == 100
    assert loop.looked_at == 480  # forward alone costs a third of what learning 1600 does
    assert Loop(steps=1000, batch_size=16).looks is None


LOSSES = st.lists(st.floats(0, 10) | st.just(math.nan), max_size=30)


@given(LOSSES, st.integers(1, 5))
def test_patience_ends_with_nothing_better_since_the_best(losses: list[float], patience: int) -> None:
    seen = [Seen(step, loss) for step, loss in enumerate(losses)]
    found = best(seen)
    assert found is None or not any(one.loss < found.loss for one in seen)
    since = len(seen) - 1 - found.step if found else len(seen)
    assert exhausted(seen, patience) == (len(seen) > patience and since >= patience)
    assert not exhausted(seen, None)
