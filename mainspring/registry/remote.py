"""The store behind the folder, for workers on several machines: anything that fsspec speaks to, such as `s3://bucket/models`.

`<url>/files/<sha256>` is a file, once, whoever has it; `<url>/models/<digest>.json` says which files a model has, and
appears when all of them are there. The folder `store` of a home is then what this machine has fetched.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from mainspring.errors import ModelRefused, StackError
from mainspring.registry.adapters import base_digest
from mainspring.registry.sharing import FILES, digest_of_file
from mainspring.registry.store import INCOMING, Copy, Stored
from mainspring.settings import Settings

FRESH_SECONDS = 24 * 3600  # files that came so lately may belong to a model that is on its way


class Remote:
    """Safe to be used by many at once: whatever is written is whole, and the same bytes have the same name."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder

    def push(self, stored: Stored) -> None:
        """Raises StackError if it cannot be reached; then nothing of the model is to be seen there."""
        with self._reached():
            self._refuse_new_bucket()
            for name, digest in stored.files.items():
                self._write(f"files/{digest}", self._folder / stored.path / name)
            manifest = json.dumps({"files": stored.files}, sort_keys=True)
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                file.write(manifest)
                file.flush()
                self._write(f"models/{stored.digest}.json", Path(file.name))

    def fetch(self, digest: str) -> None:
        """The model and its base into the folder, if they are not there.

        Raises ModelRefused if the store has them not, or damaged.
        """
        if not (self._folder / digest).is_dir():
            self._fetch(digest)
        if (base := base_digest(self._folder / digest)) is not None:
            self.fetch(base)

    def _fetch(self, digest: str) -> None:
        with self._reached():
            manifest = self._at(f"models/{digest}.json")
            if not self._system.exists(manifest):
                raise ModelRefused(
                    f"{self._url} has no model of the digest {digest[:12]}…",
                    field="model",
                    remedy="Register it again, or look at MAINSPRING_STORE_URL.",
                )
            files: dict[str, str] = json.loads(self._system.cat_file(manifest))["files"]
            self._folder.mkdir(parents=True, exist_ok=True)
            incoming = Path(tempfile.mkdtemp(prefix=INCOMING, dir=self._folder))
            try:
                for name, wanted in files.items():
                    self._read(wanted, incoming / name)
                Copy(self._folder, incoming, files).keep()
            finally:
                shutil.rmtree(incoming, ignore_errors=True)

    def keep_only(self, wanted: Collection[str]) -> None:
        """Models of other digests go, and then the files that none has any more; not what came lately."""
        with self._reached():
            needed: set[str] = set()
            for path, age in self._old("models"):
                if Path(path).stem in wanted or age < FRESH_SECONDS:
                    needed |= set(json.loads(self._system.cat_file(path))["files"].values())
                else:
                    self._system.rm_file(path)
            for path, age in self._old("files"):
                if Path(path).name not in needed and age >= FRESH_SECONDS:
                    self._system.rm_file(path)
            for path, age in self._old("incoming"):  # of who died on the way
                if age >= FRESH_SECONDS:
                    self._system.rm_file(path)

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        system, root = url_to_fs(self._url)
        return system, str(root).rstrip("/")

    @property
    def _system(self) -> Any:
        return self._opened[0]

    def _at(self, path: str) -> str:
        return f"{self._opened[1]}/{path}"

    def _refuse_new_bucket(self) -> None:
        """Some kinds of store would make one for a name that is misspelt."""
        bucket = self._opened[1].partition("/")[0]
        if bucket and not self._system.exists(bucket):
            raise StackError(
                f"{self._url} is in no bucket that there is: {bucket}",
                remedy="Make the bucket, or look at MAINSPRING_STORE_URL and who may list it.",
            )

    def _write(self, path: str, source: Path) -> None:
        """What is there already is the same, since its name says so, if it is as long. It is written again all the same
        if it is old: else it might be taken for something that nobody needs, just before the model appears."""
        place = self._at(path)
        if (
            self._system.exists(place)
            and self._system.size(place) == source.stat().st_size
            and self._age(place) < FRESH_SECONDS / 2
        ):
            return
        self._system.makedirs(place.rpartition("/")[0], exist_ok=True)
        coming = self._at(f"incoming/{uuid4().hex}")
        self._system.makedirs(self._at("incoming"), exist_ok=True)
        self._system.put_file(str(source), coming)
        self._system.mv(coming, place)

    def _read(self, digest: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        here = self._folder / FILES / digest
        if here.is_file() and digest_of_file(here) == digest:
            try:
                os.link(here, target)
            except OSError:
                shutil.copyfile(here, target)
            return
        self._system.get_file(self._at(f"files/{digest}"), str(target))
        if digest_of_file(target) != digest:
            raise ModelRefused(
                f"{target.name} is not in {self._url} as it was registered",
                field="model",
                remedy="Register the model again; look at who may write to the store.",
            )

    def _old(self, folder: str) -> Iterator[tuple[str, float]]:
        """Each file with its age in seconds."""
        place = self._at(folder)
        self._system.invalidate_cache()
        if self._system.exists(place):
            for path in self._system.ls(place, detail=False):
                yield path, self._age(path)

    def _age(self, place: str) -> float:
        try:
            made: datetime = self._system.modified(place)
        except NotImplementedError:  # some kinds of store know only when a file came
            made = self._system.created(place)
        return time.time() - made.timestamp()

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Whatever a file system of fsspec raises is said in one way."""
        try:
            yield
        except (ModelRefused, StackError):
            raise
        except ImportError as error:
            raise StackError(
                f"{self._url} cannot be opened: {error}", remedy="Install what it names beside Mainspring."
            ) from error
        except Exception as error:  # each kind of store has errors of its own
            raise StackError(
                f"{self._url} did not do it ({type(error).__name__})",
                remedy="See whether it is there and whether this machine may read and write it.",
            ) from error


def remote(settings: Settings) -> Remote | None:
    """None where the store is a folder."""
    return Remote(settings.store_url, settings.store) if settings.store_is_remote else None
