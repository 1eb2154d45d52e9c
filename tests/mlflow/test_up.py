"""`mainspring up --mlflow` with the real one: beat has it filled, and a person finds it where `status` says."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.api.serving import until
from tests.core.local_running import free_port
from tests.faults.models import small_models
from tests.faults.stack import Stack
from tests.mlflow.serving import MLFLOW, START_SECONDS, Reader

pytestmark = pytest.mark.timeout(600)


def test_a_deployed_model_is_found_there() -> None:
    folder = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
    path, task = small_models(folder / "models")["triage"]
    port = str(free_port())
    settings = {
        "MAINSPRING_MLFLOW_COMMAND": f"{MLFLOW}/bin/python",
        "MAINSPRING_MLFLOW_PORT": port,
        "MAINSPRING_MIRROR_SECONDS": "1",
        "MAINSPRING_COMPILE_STEPS": "false",
    }
    try:
        with Stack(folder / "a b+%&c", mlflow=True, **settings) as stack:
            url = next(one["address"] for one in stack.state()["services"] if one["name"] == "mlflow")
            assert url == f"http://127.0.0.1:{port}"
            stack.deploy("triage", path, task)  # which does not wait for MLflow
            with Reader(url) as reader:
                until(lambda: reader("read", "")["models"].get("triage", {}).get("aliases"), START_SECONDS)
                found = reader("read", "")
                assert found["models"]["triage"]["aliases"] == {"champion": "triage@1"}
                [run] = [one for one in found["runs"].values() if one["tags"]["kind"] == "training"]
                assert run["id"] == found["models"]["triage"]["versions"]["triage@1"]["run"]
                assert (run["status"], run["parameters"]["model"]) == ("FINISHED", str(path))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
