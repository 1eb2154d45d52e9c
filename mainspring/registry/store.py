"""The store of model files, addressed by content: `<store>/<digest>/`, complete or absent, never changed.

The digest is SHA-256 over the sorted lines `<sha256 of the file> <name>\\n`.
"""

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mainspring.errors import StackError

INCOMING = ".incoming-"
ABANDONED_SECONDS = 24 * 3600
CHUNK = 1 << 20


@dataclass(frozen=True)
class Stored:
    """`path` is relative to the store."""

    digest: str
    path: str


def put(store: Path, folder: Path, names: Sequence[str]) -> Stored:
    """Copy these files of the folder into the store; what is there already is kept. Safe to run twice at once.

    Raises StackError when the disk is full.
    """
    store.mkdir(parents=True, exist_ok=True)
    _sweep_abandoned(store)
    incoming = Path(tempfile.mkdtemp(prefix=INCOMING, dir=store))
    try:
        digests = {name: _copy(folder / name, incoming / name) for name in names}
        digest = digest_of(digests)
        _settle(incoming, store / digest)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StackError(
            f"the disk is full: the model does not fit into {store}",
            remedy="Free some space, or point MAINSPRING_STORE_URL at a larger disk, and deploy again.",
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return Stored(digest, digest)


def digest_of(digests: dict[str, str]) -> str:
    """From the digest of each file to the digest of the model."""
    lines = "".join(f"{digests[name]} {name}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def _copy(source: Path, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("xb") as writing:
        while chunk := reading.read(CHUNK):
            digest.update(chunk)
            writing.write(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest()


def _settle(incoming: Path, place: Path) -> None:
    """The rename is what makes it appear: whole, or not at all."""
    for folder in [*(path for path in incoming.rglob("*") if path.is_dir()), incoming]:
        _sync(folder)
    incoming.chmod(0o755)
    if place.is_dir():
        return
    try:
        incoming.rename(place)
    except OSError:
        if not place.is_dir():  # otherwise another process stored the same bytes first
            raise
    _sync(place.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep_abandoned(store: Path) -> None:
    """What a process left behind that died while it copied."""
    for folder in store.glob(f"{INCOMING}*"):
        if folder.stat().st_mtime < time.time() - ABANDONED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
