"""Nothing happens at import: no network, no environment, no server."""

import pkgutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EVERYTHING = """
import importlib, socket, sys

def refuse(*_, **__):
    raise AssertionError("a module opened a connection at import")

socket.socket.connect = refuse
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def modules() -> list[str]:
    folders = [str(ROOT / package) for package in ("mainspring", "workers", "api")]
    return [
        f"{Path(folder).name}.{module.name.removeprefix(Path(folder).name + '.')}"
        for folder in folders
        for module in pkgutil.walk_packages([folder], prefix=f"{Path(folder).name}.")
        if not module.name.endswith("__main__")
    ]


def test_every_module_imports_in_an_empty_environment() -> None:
    found = subprocess.run(
        [sys.executable, "-c", EVERYTHING, *modules()],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert found.returncode == 0, found.stderr[-2000:]
