"""What versions there are: a model is inspected, stored by the digest of its bytes, numbered, released."""

from mainspring.registry.expected import expected_digest
from mainspring.registry.inspection import Inspection, inspect
from mainspring.registry.locks import lock, lock_free
from mainspring.registry.release import base_files_of, desired, engine_of, release, task_of
from mainspring.registry.retirement import restore, retire
from mainspring.registry.store import Stored, copied, put, verify
from mainspring.registry.versions import (
    champion_of,
    named,
    of_digest,
    refuse_deleted,
    refuse_retired,
    register,
    retired,
    whole,
)

__all__ = [
    "Inspection",
    "Stored",
    "base_files_of",
    "champion_of",
    "copied",
    "desired",
    "engine_of",
    "expected_digest",
    "inspect",
    "lock",
    "lock_free",
    "named",
    "of_digest",
    "put",
    "refuse_deleted",
    "refuse_retired",
    "register",
    "release",
    "restore",
    "retire",
    "retired",
    "task_of",
    "verify",
    "whole",
]
