"""A store behind the folder: whole models or none, one copy of a file, fetched and looked at by whoever needs them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from mainspring.errors import ModelRefused, StackError
from mainspring.registry import Stored, put, verify
from mainspring.registry.remote import FRESH_SECONDS, Remote

WRITES = 8  # three files and the list of them, each put under another name and then moved
NAMES = ["config.json", "model.safetensors", "sub/tokenizer.json"]


class Breaking(MemoryFileSystem):
    """Its writes fail once `left` of them were made."""

    protocol = "breaking"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    cachable = False
    left = 1 << 30

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("breaking://").strip("/")

    def _count(self) -> None:
        if Breaking.left <= 0:
            raise ConnectionResetError("the line is cut")
        Breaking.left -= 1

    def put_file(self, *arguments: Any, **more: Any) -> None:
        self._count()
        super().put_file(*arguments, **more)

    def mv(self, *arguments: Any, **more: Any) -> None:
        self._count()
        super().mv(*arguments, **more)


class Buckets(MemoryFileSystem):
    """Its paths begin with a bucket, which it makes if it is asked for what is inside."""

    protocol = "buckets"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    cachable = False

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("buckets://").strip("/")


fsspec.register_implementation("breaking", Breaking, clobber=True)
fsspec.register_implementation("buckets", Buckets, clobber=True)


@pytest.fixture
def url() -> Iterator[str]:
    yield f"breaking://{uuid4().hex}/store"
    Breaking.left = 1 << 30


def stored(store: Path, weights: bytes = b"weights") -> Stored:
    source = store.parent / f"source-{uuid4().hex}"
    for name, content in zip(NAMES, (b"{}", weights, b"the same"), strict=True):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    return put(store, source, NAMES)


def objects(url: str, folder: str) -> list[str]:
    system = fsspec.filesystem("breaking")
    root = url.removeprefix("breaking:/")
    return [path for path in system.find(root) if f"/{folder}/" in path]


def aged(url: str, seconds: float) -> None:
    for path in [*objects(url, "files"), *objects(url, "models")]:
        Breaking.store[path].modified = datetime.now(UTC) - timedelta(seconds=seconds)


def test_another_machine_fetches_what_was_pushed(tmp_path: Path, url: str) -> None:
    first, second = stored(tmp_path / "a"), stored(tmp_path / "a", b"others")
    here = Remote(url, tmp_path / "a")
    here.push(first)
    here.push(second)
    assert len(objects(url, "files")) == 4  # two of them are shared
    there = Remote(url, tmp_path / "b")
    for one in (first, second):
        there.fetch(one.digest)
        verify(tmp_path / "b" / one.path, one.digest, one.files)
    shared = [tmp_path / "b" / one.path / "sub/tokenizer.json" for one in (first, second)]
    assert shared[0].samefile(shared[1])


@pytest.mark.parametrize("steps", range(WRITES + 1))
def test_cut_at_any_step_it_has_the_model_or_none(tmp_path: Path, url: str, steps: int) -> None:
    one = stored(tmp_path / "a")
    here, there = Remote(url, tmp_path / "a"), Remote(url, tmp_path / "b")
    Breaking.left = steps
    if steps < WRITES:
        with pytest.raises(StackError, match="ConnectionResetError"):
            here.push(one)
        with pytest.raises(ModelRefused, match="has no model"):
            there.fetch(one.digest)
        assert not (tmp_path / "b" / one.path).exists()
        Breaking.left = 1 << 30
    here.push(one)
    there.fetch(one.digest)
    verify(tmp_path / "b" / one.path, one.digest, one.files)


def test_what_was_damaged_there_is_named(tmp_path: Path, url: str) -> None:
    one = stored(tmp_path / "a")
    Remote(url, tmp_path / "a").push(one)
    digest = one.files["model.safetensors"]
    fsspec.filesystem("breaking").pipe_file(f"{url.removeprefix('breaking:/')}/files/{digest}", b"weightz")
    with pytest.raises(ModelRefused, match=r"model\.safetensors"):
        Remote(url, tmp_path / "b").fetch(one.digest)
    assert not (tmp_path / "b" / one.path).exists()


def test_what_no_version_needs_goes_once_it_is_old(tmp_path: Path, url: str) -> None:
    first, second = stored(tmp_path / "a"), stored(tmp_path / "a", b"others")
    here = Remote(url, tmp_path / "a")
    here.push(first)
    here.push(second)
    here.keep_only({second.digest})
    assert len(objects(url, "models")) == 2  # they have just come
    aged(url, FRESH_SECONDS + 1)
    here.keep_only({second.digest})
    assert len(objects(url, "models")) == 1
    assert {path.rpartition("/")[2] for path in objects(url, "files")} == set(second.files.values())
    here.push(first)  # and what is old is new again, so that it stays until its row is written
    here.keep_only({second.digest})
    Remote(url, tmp_path / "b").fetch(first.digest)


def test_a_store_that_nobody_can_open_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="nothing-like-it://there"):
        Remote("nothing-like-it://there", tmp_path).fetch("0" * 64)


def test_a_bucket_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no bucket that there is: misspelt"):
        Remote("buckets://misspelt/store", tmp_path / "a").push(stored(tmp_path / "a"))
    assert not Buckets.store
    Buckets.pseudo_dirs.append("bucket")
    Remote("buckets://bucket/store", tmp_path / "a").push(stored(tmp_path / "a"))


def test_what_is_here_is_not_asked_for(tmp_path: Path, url: str) -> None:
    one = stored(tmp_path / "a")
    Remote("nothing-like-it://there", tmp_path / "a").fetch(one.digest)
