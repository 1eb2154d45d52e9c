"""Prometheus' own programs, from Debian: those of this machine, else those of the package, unpacked where no root is needed.

apt holds the package to the checksum in the archive's signed index.
"""

import fcntl
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "prometheus"
NAMES = ("prometheus", "promtool")


class NotHere(Exception):
    """Why they cannot be had."""


@dataclass(frozen=True)
class Binaries:
    prometheus: Path
    promtool: Path


def binaries() -> Binaries:
    """Downloaded once, 18 MB. Raises NotHere."""
    if all(shutil.which(name) for name in NAMES):
        return Binaries(*(Path(str(shutil.which(name))) for name in NAMES))
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # several test processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        unpacked = [CACHE / "unpacked" / "usr" / "bin" / name for name in NAMES]
        if not all(path.exists() for path in unpacked):
            _fetch()
    return Binaries(*unpacked)


def _fetch() -> None:
    if shutil.which("apt-get") is None:
        raise NotHere("neither `prometheus` and `promtool` nor apt-get are on this machine")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        state = Path(folder) / "apt"
        # Lists of its own where the machine's are empty: those need no root, either.
        own = [f"-oDir::State::Lists={state}", f"-oDir::Cache={state}", "-oAPT::Sandbox::User="]
        state.mkdir()
        if not _done(["apt-get", "download", "prometheus"], folder):
            _done(["apt-get", *own, "update"], folder)
            _done(["apt-get", *own, "download", "prometheus"], folder)
        package = next(Path(folder).glob("prometheus_*.deb"), None)
        if package is None:
            raise NotHere("apt-get could not download Debian's package `prometheus`")
        subprocess.run(["dpkg", "-x", package, Path(folder) / "unpacked"], check=True, timeout=120)
        shutil.rmtree(CACHE / "unpacked", ignore_errors=True)
        (Path(folder) / "unpacked").replace(CACHE / "unpacked")


def _done(command: list[str], folder: str) -> bool:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=180)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
