"""A server of the worker's own: started, kept alive, ended with the worker. The stand-in plays `vllm serve`."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from mainspring.errors import EngineFailed, ModelRefused
from mainspring.settings import Settings
from tests.api.serving import until
from tests.contract.remote import COMMAND, tell
from tests.contract.remote_contract import SECONDS, ask, text
from workers.remote.engine import HttpEngine
from workers.remote.load import load_remote
from workers.remote.server import MOST_DEATHS, Vllm, command, environment

Start = Callable[[], HttpEngine]
ROOT = Path(__file__).parents[2]
KILLED = """
import sys
from pathlib import Path
from mainspring.settings import Settings
from workers.remote.load import load_remote
engine = load_remote(Path(sys.argv[1]), Settings(home=Path(sys.argv[2]), vllm_command=sys.argv[3]))
print(engine._server.url, flush=True)
input()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def start(tmp_path: Path, folder: Path) -> Iterator[Start]:
    started: list[HttpEngine] = []

    def engine() -> HttpEngine:
        started.append(load_remote(folder, Settings(home=tmp_path, vllm_command=COMMAND)))
        return started[-1]

    yield engine
    for one in started:
        one.stop()


def pid(engine: HttpEngine) -> int:
    return int(httpx.get(f"{engine._server.url}/stand-in").json()["pid"])


def test_it_answers_its_worker_only_and_ends_with_the_engine(start: Start) -> None:
    engine = start()
    url = engine._server.url
    assert text(engine.submit(ask()))
    assert httpx.post(f"{url}/v1/completions", json={}).status_code == 401
    server = pid(engine)
    engine.stop()
    assert not psutil.pid_exists(server)


def test_killed_it_fails_what_it_held_and_comes_back_for_what_waits(start: Start) -> None:
    engine = start()
    tell(engine._server.url, held=True)
    held = engine.submit(ask())
    until(lambda: httpx.get(f"{engine._server.url}/stand-in").json()["running"] == 1)
    os.kill(pid(engine), signal.SIGKILL)
    assert type(held.exception(SECONDS)) is EngineFailed
    waiting = [engine.submit(ask()) for _ in range(3)]
    assert engine.health().alive
    assert all(text(future) for future in waiting)
    assert engine.health().alive


def test_what_dies_again_and_again_is_given_up(start: Start, folder: Path) -> None:
    engine = start()
    (folder / "refuse").touch()
    os.kill(pid(engine), signal.SIGKILL)
    until(lambda: engine._server.coming)
    waiting = engine.submit(ask())
    assert isinstance(waiting.exception(SECONDS), EngineFailed)
    assert not engine.health().alive
    assert isinstance(engine._server, Vllm)
    assert engine._server._restarts.streak == MOST_DEATHS


def test_while_it_comes_back_a_request_can_be_cancelled_and_the_engine_be_stopped(
    start: Start, folder: Path
) -> None:
    engine, request = start(), ask()
    (folder / "refuse").touch()
    os.kill(pid(engine), signal.SIGKILL)
    until(lambda: engine._server.coming)
    cancelled, stopped = engine.submit(request), engine.submit(ask())
    engine.cancel(request.id)
    assert getattr(cancelled.exception(0), "code", None) == "cancelled"
    engine.stop()
    assert getattr(stopped.exception(0), "code", None) == "engine_stopping"


def test_a_folder_that_it_cannot_serve_is_refused_with_the_place_of_its_log(
    start: Start, folder: Path
) -> None:
    (folder / "refuse").touch()
    with pytest.raises(ModelRefused) as refused:
        start()
    log = Path((refused.value.remedy or "").split("in ", 1)[1].split(". ", 1)[0])
    assert "cannot be served" in log.read_text()


def test_a_program_that_is_not_there_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelRefused):
        load_remote(folder, Settings(home=tmp_path, vllm_command="/nowhere/vllm"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no signal tells a child of its parent's death")
def test_it_ends_when_its_worker_is_killed(tmp_path: Path, folder: Path) -> None:
    argv = [sys.executable, "-c", KILLED, folder, tmp_path, COMMAND]
    worker = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    url = next(line.strip() for line in worker.stdout if line.startswith("http"))
    server = int(httpx.get(f"{url}/stand-in").json()["pid"])
    worker.kill()
    worker.wait()
    until(lambda: not psutil.pid_exists(server) or psutil.Process(server).status() == "zombie", 10)


def test_how_to_run_it_may_be_a_program_or_a_python_with_options_behind() -> None:
    folder = Path("/models/1")
    where = ["serve", "/models/1", "--host", "127.0.0.1", "--port", "7"]
    assert command("/opt/vllm", folder, 7)[:7] == ["/opt/vllm", *where]
    python = command("/opt/python3.12 --tensor-parallel-size 2", folder, 7)
    assert python[:9] == ["/opt/python3.12", "-m", "vllm.entrypoints.cli.main", *where]
    assert python[-2:] == ["--tensor-parallel-size", "2"]


def test_our_secrets_are_not_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "7")
    given = environment(Settings(secret="ours", database_url="postgresql://u:p@h/d"), "key")
    assert not any(name.startswith("MAINSPRING_") for name in given)
    assert given["VLLM_API_KEY"] == "key"
    assert given["VLLM_CPU_KVCACHE_SPACE"] == "7"
    assert given["HF_HUB_OFFLINE"] == "1"
