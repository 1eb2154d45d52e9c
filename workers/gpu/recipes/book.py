"""Every recipe by its name: who carries it out."""

from collections.abc import Callable
from typing import Any

from mainspring.tables import Task
from mainspring.training.recipes import (
    CONTINUED_PRETRAINING,
    ENCODER_FINE_TUNING,
    IMPORT,
    PREFERENCE_TUNING,
    SUPERVISED_FINE_TUNING,
)
from workers.gpu.recipes import (
    continued_pretraining,
    encoder_fine_tuning,
    imported,
    preference_tuning,
    supervised_fine_tuning,
)
from workers.gpu.recipes.workshop import Made, Workshop

Make = Callable[[Any, Task, Workshop], Made]
RECIPES: dict[str, Make] = {
    IMPORT: imported.make,
    CONTINUED_PRETRAINING: continued_pretraining.make,
    SUPERVISED_FINE_TUNING: supervised_fine_tuning.make,
    PREFERENCE_TUNING: preference_tuning.make,
    ENCODER_FINE_TUNING: encoder_fine_tuning.make,
}
