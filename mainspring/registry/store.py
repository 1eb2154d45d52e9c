"""The store of model files, addressed by content: `<store>/<digest>/`, complete or absent, never changed.

The digest is SHA-256 over the sorted lines `<sha256 of the file> <name>\\n`.
"""

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mainspring.errors import LoadingFailed, ModelRefused, StackError
from mainspring.registry.adapters import base_digest
from mainspring.registry.sharing import digest_of_file, share

INCOMING = ".incoming-"
ABANDONED_SECONDS = 24 * 3600
CHUNK = 1 << 20


@dataclass(frozen=True)
class Stored:
    """`path` is relative to the store; `files`: each one's own digest by its name; `bytes`: of all of them."""

    digest: str
    path: str
    files: dict[str, str]
    bytes: int


@dataclass(frozen=True)
class Copy:
    """The files of a model on their way in: complete in `folder`, but in the store only after keep()."""

    store: Path
    folder: Path
    files: dict[str, str]  # the digest of each

    @property
    def digest(self) -> str:
        return digest_of(self.files)

    def keep(self) -> Stored:
        """The rename is what makes it appear: whole, or not at all. What is there already is kept, and mended."""
        place, size = self.store / self.digest, self._size()
        for name, digest in self.files.items():
            share(self.store, self.folder / name, digest)
        for folder in [*(path for path in self.folder.rglob("*") if path.is_dir()), self.folder]:
            _sync(folder)
        self.folder.chmod(0o755)
        if not place.is_dir():
            try:
                self.folder.rename(place)
            except OSError:
                if not place.is_dir():  # otherwise another process stored the same bytes first
                    raise
            _sync(self.store)
        os.utime(place)  # in use, whatever its versions say: one is being registered
        self._mend(place)
        return Stored(self.digest, self.digest, self.files, size)

    def _size(self) -> int:
        return sum((self.folder / name).stat().st_size for name in self.files)

    def _mend(self, place: Path) -> None:
        """Where a file is not what was stored there, it is again."""
        if not self.folder.is_dir():
            return  # it has just become the place
        for name, digest in self.files.items():
            there = place / name
            if not there.is_file() or digest_of_file(there) != digest:
                there.parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).replace(there)
        for name in _names(place) - self.files.keys():
            (place / name).unlink()


@contextmanager
def copied(store: Path, folder: Path, names: Sequence[str]) -> Iterator[Copy]:
    """These files of the folder beside the store, to be looked at and kept; else they are gone after the block.

    Safe to run twice at once. Raises StackError when the disk is full.
    """
    store.mkdir(parents=True, exist_ok=True)
    _sweep_abandoned(store)
    incoming = Path(tempfile.mkdtemp(prefix=INCOMING, dir=store))
    try:
        yield Copy(store, incoming, {name: _copy(folder / name, incoming / name) for name in names})
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise StackError(
            f"the disk is full: the model does not fit into {store}",
            remedy="Free some space, or point MAINSPRING_STORE_URL at a larger disk, and deploy again.",
        ) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def put(store: Path, folder: Path, names: Sequence[str]) -> Stored:
    """copied() and kept, unseen."""
    with copied(store, folder, names) as copy:
        return copy.keep()


def verify(
    folder: Path, digest: str, files: dict[str, str] | None, base_files: dict[str, str] | None = None
) -> None:
    """Read every byte of a stored model, and of an adapter's base, again.

    `files`: what register() was given; None for a version that is older than that, of which only the whole is known.
    `base_files`: the same of the base. Raises ModelRefused, which names the file that is not what it was, and
    LoadingFailed, which names the one that cannot be read.
    """
    _verify(folder, digest, files, "")
    if (base := base_digest(folder)) is not None:
        _verify(folder.parent / base, base, base_files, " of its base")


def _verify(folder: Path, digest: str, files: dict[str, str] | None, whose: str) -> None:
    found = {name: _read(folder / name, f"{name}{whose}") for name in sorted(_names(folder))}
    if digest_of(found) == digest:
        return
    if files is None:
        raise _changed(f"a file of the {'model' if not whose else 'base'}")
    for name in sorted(files.keys() | found.keys()):
        if name not in found:
            raise _changed(f"{name}{whose}", "is gone from the store")
        if name not in files:
            raise _changed(f"{name}{whose}", "was added to the stored model")
        if files[name] != found[name]:
            raise _changed(f"{name}{whose}")
    raise _changed("the record of the model's files")


def digest_of_files(folder: Path, names: Sequence[str]) -> str:
    """What the digest of a model of these files would be."""
    return digest_of({name: digest_of_file(folder / name) for name in names})


def digest_of(digests: dict[str, str]) -> str:
    """From the digest of each file to the digest of the model."""
    lines = "".join(f"{digests[name]} {name}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def _names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _read(path: Path, name: str) -> str:
    """Its digest."""
    try:
        return digest_of_file(path)
    except OSError as error:
        raise LoadingFailed(
            f"{name} cannot be read ({error.strerror})",
            field="model",
            remedy="Look at the disk, or at the network that it is behind.",
        ) from error


def _changed(name: str, what: str = "is not what was registered") -> ModelRefused:
    return ModelRefused(
        f"{name} {what}",
        field="model",
        remedy="Register the model again from where it came; look at the disk and at who may write to the store.",
    )


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
