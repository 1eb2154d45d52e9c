"""What is in a package: the digest of every file, and what the model is and whence it comes. No times: packed again, it
is the same, byte by byte."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mainspring.errors import ModelRefused, StackError
from mainspring.registry.sharing import digest_of_file

NAME = "manifest.json"


def write(folder: Path, about: dict[str, Any]) -> dict[str, Any]:
    """The manifest of what is in the folder now, itself excepted."""
    files = {
        _name(folder, path): digest_of_file(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
    content = {"format": 1, **about, "files": {name: files[name] for name in sorted(files) if name != NAME}}
    said = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / NAME).write_text(f"{said}\n", encoding="utf-8")
    return content


def read(folder: Path) -> dict[str, Any]:
    """Raises StackError where there is none."""
    try:
        content: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise StackError(
            f"{folder} is no package: its {NAME} is missing, or is no JSON",
            field="folder",
            remedy="Make one: mainspring package assistant@3 --into FOLDER.",
        ) from None
    return content


def verify(folder: Path, content: dict[str, Any], parts: Collection[str] = ()) -> None:
    """Read every byte again. `parts`: only these files, and what is in these folders. Raises ModelRefused."""
    for name, digest in content["files"].items():
        if parts and name.partition("/")[0] not in parts:
            continue
        path = folder / name
        if not path.is_file() or digest_of_file(path) != digest:
            what = "is not what was packed" if path.is_file() else "is gone"
            raise ModelRefused(f"{name} {what}", field="folder", remedy="Make the package again.")


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
