"""The recipes by which versions are made, and what each takes. workers/gpu/recipes/ carries them out."""

from mainspring.training.recipes.asking import (
    CONTINUED_PRETRAINING,
    ENCODER_FINE_TUNING,
    IMPORT,
    MAKES,
    PREFERENCE_TUNING,
    SHAPES,
    SUPERVISED_FINE_TUNING,
    Parameters,
    validated,
)
from mainspring.training.recipes.candidates import candidate
from mainspring.training.recipes.fields import Learning, Lora, Replay
from mainspring.training.recipes.shapes import (
    ContinuedPretraining,
    Corpus,
    EncoderFineTuning,
    Examples,
    Import,
    PreferenceTuning,
    SupervisedFineTuning,
)

__all__ = [
    "CONTINUED_PRETRAINING",
    "ENCODER_FINE_TUNING",
    "IMPORT",
    "MAKES",
    "PREFERENCE_TUNING",
    "SHAPES",
    "SUPERVISED_FINE_TUNING",
    "ContinuedPretraining",
    "Corpus",
    "EncoderFineTuning",
    "Examples",
    "Import",
    "Learning",
    "Lora",
    "Parameters",
    "PreferenceTuning",
    "Replay",
    "SupervisedFineTuning",
    "candidate",
    "validated",
]
