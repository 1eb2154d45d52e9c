"""The client is light and typed for whoever installs the package to speak to an api."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "celery", "sqlalchemy", "fastapi", "redis", "uvicorn", "psycopg", "alembic"}
LOADED = "import sys, mainspring.client; print(*{name.partition('.')[0] for name in sys.modules})"
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


def test_the_client_loads_no_server_and_no_model() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(done.stdout.split())
    assert "mainspring" in loaded
    assert not HEAVY & loaded


def test_the_package_says_that_it_is_typed(tmp_path: Path) -> None:
    for name in ("mainspring", "workers", "api", "migrations"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert "mainspring/py.typed" in zipfile.ZipFile(wheel).namelist()
