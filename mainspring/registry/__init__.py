"""What versions there are: a model is inspected, stored by the digest of its bytes, numbered, released."""

from mainspring.registry.inspection import Inspection, inspect
from mainspring.registry.release import desired, engine_of, release, task_of
from mainspring.registry.store import Stored, copied, put
from mainspring.registry.versions import register

__all__ = [
    "Inspection",
    "Stored",
    "copied",
    "desired",
    "engine_of",
    "inspect",
    "put",
    "register",
    "release",
    "task_of",
]
