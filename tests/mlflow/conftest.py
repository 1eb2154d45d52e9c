"""Collected only when it is named (`make test-mlflow`): it starts the real MLflow, whose installation takes minutes."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from mainspring.settings import Settings
from tests.mlflow.serving import HERE, MLFLOW, Reader, Server


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    named = [Path(config.invocation_params.dir, argument.partition("::")[0]) for argument in config.args]
    return None if any(path.resolve().is_relative_to(HERE) for path in named) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not (MLFLOW / ".installed").exists():
        for item in (item for item in items if item.path.is_relative_to(HERE)):  # the hook is given all
            item.add_marker(pytest.mark.skip(reason=f"{MLFLOW} is not there: run tests/mlflow/install.sh"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="ms-", dir="/tmp"))
    running = Server(folder)
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def reader(server: Server) -> Iterator[Reader]:
    with Reader(server.url) as asked:
        yield asked


@pytest.fixture
def given(settings: Settings, server: Server) -> Settings:
    """Names of its own in the one MLflow of these tests."""
    return settings.model_copy(update={"mlflow_url": server.url, "mlflow_prefix": f"{uuid4().hex[:6]}-"})
