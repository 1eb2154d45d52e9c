"""Every recipe by its name: who carries it out."""

from collections.abc import Callable
from typing import Any

from mainspring.tables import Task
from mainspring.training.recipes import CONTINUED_PRETRAINING, ENCODER_FINE_TUNING, IMPORT
from workers.gpu.recipes import continued_pretraining, encoder_fine_tuning, imported
from workers.gpu.recipes.workshop import Made, Workshop

Make = Callable[[Any, Task, Workshop], Made]
RECIPES: dict[str, Make] = {
    IMPORT: imported.make,
    CONTINUED_PRETRAINING: continued_pretraining.make,
    ENCODER_FINE_TUNING: encoder_fine_tuning.make,
}
