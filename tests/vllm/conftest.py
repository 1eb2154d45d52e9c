"""Collected only when it is named (`make test-vllm`): it starts the real vLLM, and takes minutes."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
VLLM = HERE.parents[1] / ".cache" / "vllm"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    named = [Path(config.invocation_params.dir, argument.partition("::")[0]) for argument in config.args]
    return None if any(path.resolve().is_relative_to(HERE) for path in named) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not (VLLM / ".installed").exists():
        for item in (item for item in items if item.path.is_relative_to(HERE)):  # the hook is given all
            item.add_marker(pytest.mark.skip(reason=f"{VLLM} is not there: run tests/vllm/install.sh"))
