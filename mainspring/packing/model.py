"""The files of a version from the store into a package: `models/<digest>`, an adapter's base beside it, as in a store."""

import os
import shutil
from pathlib import Path
from typing import Any

from mainspring.errors import Conflict, StackError
from mainspring.registry import verify
from mainspring.registry.remote import remote
from mainspring.settings import Settings

FOLDER = "models"


def put_models(settings: Settings, record: dict[str, Any], base: dict[str, Any] | None, folder: Path) -> None:
    """`record`, `base`: as `GET /v1/versions/{name@n}` has them. Every byte is read again.

    Raises Conflict for files that are no longer kept, StackError where this machine has no way to them, ModelRefused for
    damaged ones.
    """
    for one in (record, base):
        if one is None:
            continue
        if one["deleted_at"] is not None:
            raise Conflict(
                f"the files of {one['version']} are no longer kept",
                field="version",
                remedy="Register the same model again: it keeps its number.",
            )
        _place(_stored(settings, one), folder / FOLDER / one["digest"])
    files, base_files = record["files"], None if base is None else base["files"]
    verify(folder / FOLDER / record["digest"], record["digest"], files, base_files)


def _stored(settings: Settings, one: dict[str, Any]) -> Path:
    behind = remote(settings)
    if behind is not None:
        behind.fetch(one["digest"])
    place = settings.store / str(one["digest"])
    if not place.is_dir():
        raise StackError(
            f"the files of {one['version']} are not in {settings.store}",
            field="version",
            remedy="Pack it on a machine of the workers, or name their store: MAINSPRING_STORE_URL, or MAINSPRING_HOME.",
        )
    return place


def _place(source: Path, target: Path) -> None:
    """Links where the disk knows them: a model is large, and nothing changes a stored file."""
    if target.is_dir():
        return
    for path in sorted(source.rglob("*")):
        if path.is_file():
            there = target / path.relative_to(source)
            there.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, there)
            except OSError:
                shutil.copyfile(path, there)
