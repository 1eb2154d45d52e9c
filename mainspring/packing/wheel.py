"""Mainspring itself as a wheel (PyPA's binary distribution format 1.0), from what is installed or checked out here.

It is made without a build backend, so that an image needs none; the same files make the same bytes.
"""

import base64
import hashlib
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from mainspring.errors import StackError
from mainspring.packing.pinned import OURS

_PACKAGES = ("api", "mainspring", "migrations", "workers")
_NOT_SOURCE = (".pyc", ".so", ".o")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_KIND = "Wheel-Version: 1.0\nGenerator: mainspring\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build(folder: Path) -> Path:
    """The wheel's path, in `folder`. Raises StackError where Mainspring is not installed."""
    about = distribution(OURS)
    name = f"{OURS}-{about.version}"
    content = dict(sorted({**_source(), **_about(about, f"{name}.dist-info")}.items()))
    record = f"{name}.dist-info/RECORD"
    content[record] = "".join([*map(_recorded, content, content.values()), f"{record},,\n"]).encode()
    path = folder / f"{name}-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        for inside, data in content.items():
            archive.writestr(_entry(inside), data)
    return path


def _source() -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for root, path in _files()}


def _files() -> Iterator[tuple[Path, Path]]:
    """Each with the folder that its package lies in."""
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise StackError(
                f"the package `{package}` is not installed here",
                remedy="Install Mainspring whole: pip install 'mainspring[gpu,embedded]', or run make install.",
            )
        folder = Path(spec.origin).parent
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix not in _NOT_SOURCE and not _hidden(path.relative_to(folder)):
                yield folder.parent, path


def _hidden(path: Path) -> bool:
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def _about(about: Distribution, folder: str) -> dict[str, bytes]:
    metadata = about.read_text("METADATA") or about.read_text("PKG-INFO") or ""
    found = {"METADATA": metadata, "WHEEL": _KIND, "entry_points.txt": about.read_text("entry_points.txt")}
    return {f"{folder}/{name}": text.encode() for name, text in found.items() if text}


def _recorded(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def _entry(name: str) -> ZipInfo:
    """Stored, not deflated: versions of zlib make other bytes of the same content."""
    entry = ZipInfo(name, _EPOCH)
    entry.external_attr = 0o100644 << 16
    return entry
