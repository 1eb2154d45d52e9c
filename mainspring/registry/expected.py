"""What a folder's digest would be, were it registered: to know whether it already is."""

import tempfile
from pathlib import Path

from mainspring.registry import adapters
from mainspring.registry.inspection import inspect
from mainspring.registry.store import digest_of_files
from mainspring.tables import Task


def expected_digest(folder: Path, task: Task, base: str | None = None) -> str:
    """`base`: for an adapter, the digest of the model that it changes. Raises ModelRefused."""
    if base is None:
        return digest_of_files(folder, inspect(folder, task).files)
    adapters.require_lora(folder)
    with tempfile.TemporaryDirectory(prefix="mainspring-") as place:
        placed = adapters.with_base(folder, base, Path(place) / "adapter")
        return digest_of_files(placed, adapters.belonging(placed))
