"""The store: a model is there whole or not at all, by its bytes; files that models share are one on the disk."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from threading import Thread

import pytest

from mainspring import registry
from mainspring.errors import LoadingFailed, ModelRefused
from mainspring.registry import sharing
from mainspring.tables import Task
from tests.core.model_folders import model, safetensors

STEPS = (
    "open",
    "os.",
    "shutil.",
    "tempfile.",
)  # of the events that Python announces: those that touch the disk


def put(store: Path, folder: Path) -> registry.Stored:
    return registry.put(store, folder, registry.inspect(folder, Task.TEXT_GENERATION).files)


def models(store: Path) -> list[str]:
    return [path.name for path in store.iterdir() if not path.name.startswith(".")]


def test_the_same_bytes_are_stored_once_whatever_the_folder(tmp_path: Path) -> None:
    store = tmp_path / "store"
    first = put(store, model(tmp_path / "a"))
    inode = (store / first.path / "model.safetensors").stat().st_ino
    second = put(store, model(tmp_path / "b"))
    assert first == second
    assert (store / first.path / "model.safetensors").stat().st_ino == inode
    assert models(store) == [first.digest]


def test_many_at_once_leave_one_whole_copy(tmp_path: Path) -> None:
    store, folder = tmp_path / "store", model(tmp_path / "a")
    threads = [Thread(target=put, args=(store, folder)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (only,) = models(store)
    assert {path.name for path in (store / only).iterdir()} == {path.name for path in folder.iterdir()}


def test_a_copy_that_is_not_kept_leaves_nothing(tmp_path: Path) -> None:
    store, folder = tmp_path / "store", model(tmp_path / "a")
    with contextlib.suppress(KeyError), registry.copied(store, folder, ["config.json"]) as copy:
        assert (copy.folder / "config.json").exists()
        raise KeyError
    with pytest.raises(FileNotFoundError):
        registry.put(store, folder, ["config.json", "gone.json"])
    assert list(store.iterdir()) == []


def test_models_that_differ_share_the_files_that_do_not(tmp_path: Path) -> None:
    store, other = tmp_path / "store", model(tmp_path / "b")
    first = put(store, model(tmp_path / "a"))
    (other / "model.safetensors").write_bytes(safetensors(5))
    second = put(store, other)
    kept = {
        name: [(store / one.path / name).stat().st_ino for one in (first, second)] for name in first.files
    }
    assert {name for name, (one, two) in kept.items() if one == two} == first.files.keys() - {
        "model.safetensors"
    }
    assert sharing.unshare(store) == 0


def test_what_no_model_has_any_more_is_freed(tmp_path: Path) -> None:
    store, folder = tmp_path / "store", model(tmp_path / "a")
    stored = put(store, folder)
    for file in (store / stored.path).iterdir():
        file.unlink()
    assert sharing.unshare(store) == sum((folder / name).stat().st_size for name in stored.files)
    assert list((store / sharing.FILES).iterdir()) == []


def test_a_disk_without_links_keeps_copies(tmp_path: Path) -> None:
    """Whatever stands in the way of linking, as here a file where the folder of links should be a folder of them."""
    store = tmp_path / "store"
    first = put(store, model(tmp_path / "a"))
    shared = store / sharing.FILES
    for file in shared.iterdir():
        file.unlink()
        file.mkdir()
    folder = model(tmp_path / "b", {"max_position_embeddings": 32})
    second = put(store, folder)
    registry.verify(store / second.path, second.digest, second.files)
    assert first != second


def test_registered_again_a_damaged_model_is_whole(tmp_path: Path) -> None:
    store, folder = tmp_path / "store", model(tmp_path / "a")
    stored = put(store, folder)
    place = store / stored.path
    _flip(place / "model.safetensors")
    (place / "tokenizer.json").unlink()
    (place / "more.json").write_text("{}")
    assert put(store, folder) == stored
    registry.verify(place, stored.digest, stored.files)
    put(
        store, model(tmp_path / "b", {"max_position_embeddings": 32})
    )  # and what others share of it is whole, too
    registry.verify(place, stored.digest, stored.files)


def test_killed_at_any_step_there_is_the_whole_model_or_none(tmp_path: Path) -> None:
    folder, seen = model(tmp_path / "a"), set()
    for step in count(1):
        store = tmp_path / f"store-{step}"
        died = _killed(step, store, folder)
        found = models(store) if store.exists() else []
        for digest in found:
            registry.verify(store / digest, digest, None)
        seen.add(len(found))
        stored = put(store, folder)
        registry.verify(store / stored.path, stored.digest, stored.files)
        if not died:
            break
    assert step > 20
    assert seen == {0, 1}


def _killed(step: int, store: Path, folder: Path) -> bool:
    """A process of its own stores the model, and is killed at its so-manieth step on the disk. False: it had fewer."""
    child = os.fork()
    if child == 0:
        left = count(step, -1)

        def die(event: str, _: object) -> None:
            if event.startswith(STEPS) and next(left) == 1:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die)
        put(store, folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: _flip(folder / "model.safetensors"), "model.safetensors is not what was registered"),
        (lambda folder: _flip(folder / "config.json"), "config.json is not what was registered"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json is gone from the store"),
        (lambda folder: (folder / "more.json").write_text("{}"), "more.json was added to the stored model"),
    ],
    ids=["weights", "config", "removed", "added"],
)
def test_a_stored_model_that_changed_is_refused_by_the_files_name(
    tmp_path: Path, harm: Callable[[Path], object], said: str
) -> None:
    stored = put(tmp_path / "store", model(tmp_path / "a"))
    folder = tmp_path / "store" / stored.path
    registry.verify(folder, stored.digest, stored.files)
    harm(folder)
    with pytest.raises(ModelRefused, match=said) as refused:
        registry.verify(folder, stored.digest, stored.files)
    assert refused.value.remedy
    with pytest.raises(ModelRefused, match="a file of the model is not what was registered"):
        registry.verify(folder, stored.digest, None)


def test_a_file_that_cannot_be_read_is_named_and_may_be_read_later(tmp_path: Path) -> None:
    stored = put(tmp_path / "store", model(tmp_path / "a"))
    folder = tmp_path / "store" / stored.path
    weights = folder / "model.safetensors"
    kept = weights.rename(tmp_path / "kept")
    weights.symlink_to("/proc/self/mem")  # which can be opened, and reading it is an input/output error
    with pytest.raises(LoadingFailed, match=r"model\.safetensors cannot be read \(Input/output error\)"):
        registry.verify(folder, stored.digest, stored.files)
    kept.replace(weights)
    registry.verify(folder, stored.digest, stored.files)


def _flip(path: Path) -> None:
    """One bit of one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
