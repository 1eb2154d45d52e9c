"""A model by its hub id: one commit of it, without what could run code, and a plain word for each way that it can fail."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workers.hub import COMMIT, GATED, MODEL, REVISION, hub

NAMES = ["config.json", "model.safetensors", "tokenizer.json", "README.md"]
OTHERS = ["modeling_clock.py", "pytorch_model.bin", "onnx/model.onnx"]
# The hub's address is read once in a process.
IMPORT = """
import json, sys
from pathlib import Path
from mainspring.errors import ModelRefused
from mainspring.tables import Task
from mainspring.training.recipes import Import
from workers.gpu.recipes.imported import make
from workers.gpu.recipes.workshop import Workshop
asked, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
try:
    made = make(Import(**asked), Task.TEXT_GENERATION, Workshop(folder, 1, lambda *_: None, lambda: False, folder))
except ModelRefused as refused:
    print(json.dumps({"refused": str(refused), "field": refused.field, "remedy": refused.remedy}))
else:
    found = [path.relative_to(made.folder).as_posix() for path in made.folder.rglob("*") if path.is_file()]
    print(json.dumps({"source": made.source, "folder": str(made.folder), "files": sorted(found)}))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    for name in NAMES + OTHERS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"what {name} says")
    return folder


@pytest.fixture
def address(repository: Path) -> Iterator[str]:
    with hub(repository) as found:
        yield found


def imported(address: str, home: Path, **asked: Any) -> dict[str, Any]:
    environment = os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(home / "hub"), "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-c", IMPORT, json.dumps(asked), str(home / "run")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.parametrize("revision", [REVISION, None])
def test_one_commit_comes_without_pickles_and_without_code(
    address: str, repository: Path, tmp_path: Path, revision: str | None
) -> None:
    made = imported(address, tmp_path, model=MODEL, revision=revision)
    assert made["source"] == {"hub": MODEL, "revision": revision, "commit": COMMIT}
    assert [name for name in made["files"] if not name.startswith(".cache")] == sorted(NAMES)
    for name in NAMES:
        assert (Path(made["folder"]) / name).read_bytes() == (repository / name).read_bytes()


def test_pickled_weights_alone_are_refused(address: str, repository: Path, tmp_path: Path) -> None:
    (repository / "model.safetensors").unlink()
    refused = imported(address, tmp_path, model=MODEL)
    assert "only pickled weights (pytorch_model.bin)" in refused["refused"]
    assert refused["field"] == "model"
    assert not (tmp_path / "run" / "download").exists()


@pytest.mark.parametrize(
    ("asked", "words", "remedy"),
    [
        ({"model": MODEL, "revision": "v9"}, "has no revision v9", "branch, tag or commit"),
        ({"model": "makers/nothing"}, "neither a folder here nor on the hub", "spelling"),
        ({"model": GATED}, "asks for consent first", "HF_TOKEN"),
    ],
)
def test_what_the_hub_refuses_is_said_with_its_remedy(
    address: str, tmp_path: Path, asked: dict[str, str], words: str, remedy: str
) -> None:
    refused = imported(address, tmp_path, **asked)
    assert refused["refused"].startswith(asked["model"])
    assert words in refused["refused"]
    assert remedy in refused["remedy"]


def test_a_hub_that_is_away_is_told_from_a_model_that_is_not_there(tmp_path: Path) -> None:
    refused = imported("http://127.0.0.1:9", tmp_path, model=MODEL)
    assert "the hub cannot be reached" in refused["refused"]
