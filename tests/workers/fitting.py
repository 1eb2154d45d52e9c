"""A tiny model, examples that remember who asked for them, and a workshop without rows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, set_seed

from mainspring.training.loop import Loop
from workers.gpu.recipes.fit import fit
from workers.gpu.recipes.workshop import Workshop

LENGTH, VOCABULARY = 12, 64


def model() -> GPT2LMHeadModel:
    """With dropout, so that a run is the same only if its randomness is. The same each time."""
    set_seed(3)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=LENGTH,
            n_embd=16,
            n_layer=2,
            n_head=2,
            bos_token_id=0,
            eos_token_id=0,
        )
    )


class Examples(Dataset[dict[str, torch.Tensor]]):
    """Each is a run of numbers from its own on; `asked` has the places in the order in which they were taken."""

    def __init__(self, many: int = 10) -> None:
        self.many, self.asked = many, list[int]()

    @property
    def learned(self) -> list[int]:
        """Without the first look at each of them, for how long they are."""
        return self.asked[self.many :]

    def __len__(self) -> int:
        return self.many

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        self.asked.append(place)
        ids = (torch.arange(LENGTH) + place) % VOCABULARY
        return {"input_ids": ids, "labels": ids}


def nothing(fraction: float, activity: str, measures: dict[str, Any]) -> None:
    pass


def workshop(
    folder: Path,
    attempt: int = 1,
    tell: Callable[[float, str, dict[str, Any]], None] = nothing,
    stopping: Callable[[], bool] = lambda: False,
) -> Workshop:
    return Workshop(
        folder=folder, attempt=attempt, tell=tell, stopping=stopping, datasets=folder.parent / "datasets"
    )


@dataclass
class Trained:
    model: GPT2LMHeadModel
    examples: Examples
    measures: dict[str, float]

    def equals(self, other: "Trained") -> bool:
        """But for the last bits, which depend on how many threads there were at each step."""
        mine, theirs = self.model.state_dict(), other.model.state_dict()
        return all(torch.allclose(mine[name], theirs[name], atol=1e-5) for name in mine)


def train(at: Workshop, loop: Loop, *, until: int | None = None, rate: float = 1e-2) -> Trained:
    """Raises what fit() raises."""
    made, examples = model(), Examples()
    found = fit(made, loop, rate, at, training=examples, held_out=Examples(6), until=until)
    return Trained(made, examples, found)
