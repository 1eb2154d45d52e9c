"""A recipe that was stopped goes on from its checkpoint and makes the same weights, adapters and trl's trainers included."""

from pathlib import Path
from typing import Any

import pytest

from mainspring.tables import Task
from mainspring.training.errors import RunInterrupted
from mainspring.training.recipes import SHAPES
from tests.workers.learning import causal, chat, dataset, preference
from workers.gpu.recipes.book import RECIPES
from workers.gpu.recipes.workshop import Workshop

CHATS = [chat(f"What drives gear {number}?", f"Gear {number - 1} does.") for number in range(20)]
PAIRS = [preference(f"What drives gear {number}?", "The spring does.", "No idea.") for number in range(20)]


@pytest.mark.parametrize(
    ("recipe", "rows", "more"),
    [
        ("supervised-fine-tuning", CHATS, {"lora": {"rank": 2}}),
        ("preference-tuning", PAIRS, {}),
        ("preference-tuning", PAIRS, {"lora": {"rank": 2}}),
    ],
)
def test_it_makes_the_same_weights(
    tmp_path: Path, recipe: str, rows: list[Any], more: dict[str, Any]
) -> None:
    given = {"base": str(causal(tmp_path / "base")), "dataset": dataset(tmp_path, rows), "block_length": 64}
    quickly = {"steps": 5, "batch_size": 4, "learning_rate": 0.003, "checkpoint_steps": 2}
    parameters = SHAPES[recipe].model_validate(given | quickly | more)

    def make(name: str, attempt: int, stop_at: int | None = None) -> tuple[bytes, dict[str, float]]:
        asked = iter(range(1, 10_000))
        begun = [False]

        def tell(fraction: float, activity: str, _: Any) -> None:
            begun[0] = begun[0] or activity.startswith("training")

        def stopping() -> bool:
            return stop_at is not None and begun[0] and next(asked) >= stop_at

        workshop = Workshop(tmp_path / name, attempt, tell, stopping, tmp_path / "datasets")
        made = RECIPES[recipe](parameters, Task.TEXT_GENERATION, workshop)
        return (made.folder / "model.safetensors").read_bytes(), made.measures

    whole = make("whole", 1)
    with pytest.raises(RunInterrupted):
        make("broken", 1, stop_at=1)
    resumed = make("broken", 2)
    assert resumed[0] == whole[0]
    assert {**resumed[1], "training_seconds": 0} == {**whole[1], "training_seconds": 0}
