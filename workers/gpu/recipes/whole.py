"""A model that was spread over processes to be trained is whole again behind its loop, for the recipe to save."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from transformers import Trainer

from workers.gpu.recipes import processes


@contextmanager
def again(trainer: Trainer) -> Iterator[None]:
    """Within it FSDP may cut the trainer's model up in place. The first process keeps a second one in main memory."""
    if not trainer.is_fsdp_enabled:
        yield
        return
    model = trainer.model
    plain = copy.deepcopy(model) if processes.first() else None
    yield
    state = trainer.accelerator.get_state_dict(trainer.model)  # of all processes, given to the first
    if plain is not None:
        plain.load_state_dict(state)
        model.__class__, model.__dict__ = plain.__class__, plain.__dict__  # the recipe holds this very object
