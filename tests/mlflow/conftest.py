"""Collected only when it is named (`make test-mlflow`): it starts the real MLflow, whose installation takes minutes."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
MLFLOW = HERE.parents[1] / ".cache" / "mlflow"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    named = [Path(config.invocation_params.dir, argument.partition("::")[0]) for argument in config.args]
    return None if any(path.resolve().is_relative_to(HERE) for path in named) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not (MLFLOW / ".installed").exists():
        for item in (item for item in items if item.path.is_relative_to(HERE)):  # the hook is given all
            item.add_marker(pytest.mark.skip(reason=f"{MLFLOW} is not there: run tests/mlflow/install.sh"))
