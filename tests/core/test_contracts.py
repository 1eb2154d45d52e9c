"""The import contracts hold, and each of them can fail."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BREACHES = {
    "processes": ("api/log.py", "import workers.slots"),
    "core": ("mainspring/settings.py", "import mainspring.tables"),
    "exhaustive": ("mainspring/utils.py", ""),
    "workers": ("workers/slots.py", "import workers.holder"),
    "exhaustive-workers": ("workers/helpers.py", ""),
    "drift": ("mainspring/drift/arrays.py", "import sqlalchemy"),
    "drift-order": ("mainspring/drift/bets.py", "import mainspring.drift.starts"),
    "gate": ("mainspring/evaluation/weighing.py", "import mainspring.tables"),
    "pure-core": ("mainspring/access.py", "import celery"),
    "no-torch": ("api/deps.py", "import torch"),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [tool, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PYTHONPATH": str(folder)},
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in ("mainspring", "workers", "api", "migrations"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    found = lint_imports(copy)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("breach", BREACHES)
def test_each_contract_can_fail(breach: str, copy: Path) -> None:
    name, line = BREACHES[breach]
    path = copy / name
    before = path.read_text() if path.exists() else '"""New."""\n'
    path.write_text(f"{before}\n{line}\n")
    found = lint_imports(copy)
    assert found.returncode != 0
    assert "BROKEN" in found.stdout or "Missing layer" in found.stdout or "not listed" in found.stdout, (
        found.stdout
    )
