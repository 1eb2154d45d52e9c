"""A file that several stored models have is one on the disk: each model's is a hard link to `<store>/.files/<digest>`.

Where the disk knows no links each model keeps a copy of its own.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

FILES = ".files"


def share(store: Path, path: Path, digest: str) -> None:
    """Make `path`, a file of that digest, the one file of its kind, or a link to it.

    Safe to run twice at once. What was there and is damaged is replaced; those who have it keep it, and are refused
    when they are loaded.
    """
    one = store / FILES / digest
    one.parent.mkdir(exist_ok=True)
    try:
        os.link(path, one)
    except FileExistsError:
        with suppress(OSError):  # too many links, or gone since
            _swap(path, one) if digest_of_file(one) != digest else _swap(one, path)
    except OSError:  # no links on this disk
        return


def unshare(store: Path) -> int:
    """Remove the files that no model has any more: how many bytes that freed."""
    freed = 0
    for one in (store / FILES).glob("*"):
        found = one.stat()
        if found.st_nlink == 1:
            one.unlink(missing_ok=True)
            freed += found.st_size
    return freed


def digest_of_file(path: Path) -> str:
    """SHA-256, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _swap(file: Path, place: Path) -> None:
    """`place` becomes another name of `file`, at no moment absent."""
    name = Path(tempfile.mktemp(prefix=".link-", dir=place.parent))  # noqa: S306  a link is refused where something is
    os.link(file, name)
    name.replace(place)
    name.unlink(missing_ok=True)  # left over if they were one file already
