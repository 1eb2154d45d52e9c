"""`mainspring up --mlflow`: MLflow beside the stack, which goes on whatever becomes of it. A stand-in for its program."""

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from mainspring.local import mlflow
from mainspring.settings import Settings
from tests.api.serving import until
from tests.core.local_running import PATIENT, RunningStack, cli, environment, free_port, gone

STAND_IN = f"""#!{sys.executable}
import json, os, sys
open("started.json", "w").write(json.dumps([sys.argv[1:], dict(os.environ)]))
{PATIENT.replace("; ", chr(10))}
"""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
    yield folder / "home"
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def program(home: Path) -> str:
    path = home.parent / "mlflow"
    path.write_text(STAND_IN)
    path.chmod(0o755)
    return str(path)


def refused(settings: dict[str, str]) -> str:
    done = cli(settings, "up", "--no-starter", "--mlflow")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_is_supervised_below_the_home_on_loopback(home: Path, program: str) -> None:
    port = str(free_port())
    settings = {"MAINSPRING_MLFLOW_COMMAND": f"{program} --log-level error", "MAINSPRING_MLFLOW_PORT": port}
    with RunningStack(home, {"worker": PATIENT}, MAINSPRING_SECRET="hush", **settings) as stack:
        tree = stack.tree()
        url = f"http://127.0.0.1:{port}"
        said = stack.cli("status", "--json", **settings).stdout
        assert {one["address"] for one in json.loads(said)["services"] if one["name"] == "mlflow"} == {url}
        stack.until("is MLflow's")
        until(lambda: "ready" in stack.home.log("mlflow").read_text())
        argv, given = json.loads((home / "mlflow" / "started.json").read_text())
        assert argv[:5] == ["server", "--host", "127.0.0.1", "--port", port]
        assert argv[-2:] == ["--log-level", "error"]
        assert given["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert not any(name.startswith("MAINSPRING_") for name in given)
        os.kill(stack.pid("mlflow"), signal.SIGKILL)
        stack.until("mlflow died (killed by SIGKILL)")
        stack.until("mlflow runs again")
    assert gone(tree, 0)


@pytest.mark.skipif(find_spec("mlflow") is not None, reason="MLflow is installed in this environment")
def test_one_that_is_not_installed_is_said_before_anything_is_started(home: Path) -> None:
    said = refused(environment(home, PATH="/usr/bin:/bin"))
    assert "MLflow is not installed" in said
    assert "MAINSPRING_MLFLOW_COMMAND" in said
    assert not home.exists()


def test_its_port_is_taken(home: Path, program: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = {"MAINSPRING_MLFLOW_COMMAND": program, "MAINSPRING_MLFLOW_PORT": str(port)}
        said = refused(environment(home, **settings))
    assert f"port {port} is taken" in said
    assert f"MAINSPRING_MLFLOW_PORT={port + 1}" in said


def test_another_one_is_named_already(home: Path) -> None:
    assert "--mlflow" in refused(environment(home, MAINSPRING_MLFLOW_URL="http://mlflow.example:5000"))


def test_the_python_that_has_it_will_do_as_a_command() -> None:
    found = mlflow.command(["/opt/mlflow/bin/python3", "--workers", "2"], ["--port", "1"])
    assert found == ("/opt/mlflow/bin/python3", "-m", "mlflow", "server", "--port", "1", "--workers", "2")


def test_workers_are_told_where_it_is(program: str) -> None:
    settings = mlflow.beside(Settings(mlflow_command=program, mlflow_port=5001, mlflow_url=""))
    assert settings.as_environment()["MAINSPRING_MLFLOW_URL"] == "http://127.0.0.1:5001"
