"""What has to hold before anything is started. Each raises StackError with the remedy; `doctor` asks the same."""

import contextlib
import errno
import shutil
import socket

import psutil

from mainspring.errors import StackError
from mainspring.local.home import Home
from mainspring.settings import Settings
from mainspring.tracing import check as traces

__all__ = ["disk", "memory", "port", "traces"]


def disk(settings: Settings) -> str:
    """Returns how much is free, for people."""
    folder = Home(settings.home).path
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < settings.min_free_bytes:
        raise StackError(
            f"only {_size(free)} free at {folder}, and {_size(settings.min_free_bytes)} are needed",
            remedy="Make room, choose a home on another disk (MAINSPRING_HOME), "
            "or ask for less (MAINSPRING_MIN_FREE_BYTES).",
        )
    return f"{_size(free)} free"


def memory() -> str:
    """Returns how much is available. PostgreSQL, five Python processes and a small model need about 2 GB."""
    available = psutil.virtual_memory().available
    if available < 1.5 * 2**30:
        raise StackError(
            f"only {_size(available)} of memory available", remedy="Close something, or use a larger machine."
        )
    return f"{_size(available)} available"


def port(settings: Settings) -> str:
    """Whether the api could listen there."""
    return _free(settings.host, settings.port, "the api", "MAINSPRING_PORT")


def mlflow_port(settings: Settings) -> str:
    """Whether MLflow could listen there."""
    return _free("127.0.0.1", settings.mlflow_port, "MLflow", "MAINSPRING_MLFLOW_PORT")


def _free(host: str, number: int, who: str, setting: str) -> str:
    try:
        found = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn does
            probe.bind(place)
    except OSError as error:
        raise _refused(host, number, who, setting, error) from error
    return f"{host}:{number} is free"


def _refused(host: str, number: int, who: str, setting: str, error: OSError) -> StackError:
    if error.errno == errno.EADDRINUSE:
        return StackError(
            f"port {number} is taken{_taken_by(number)}",
            remedy=f"Stop that, or choose another port: {setting}={_other(number)}",
        )
    if error.errno == errno.EACCES:
        return StackError(
            f"port {number} is not allowed for this user",
            remedy=f"Choose one from 1024 on: {setting}=8000",
        )
    return StackError(
        f"{who} cannot listen on {host}:{number}: {error.strerror or error}",
        remedy="Choose an address of this machine: MAINSPRING_HOST=127.0.0.1",
    )


def _taken_by(number: int) -> str:
    """By whom, when the system tells; other users' processes are not always shown."""
    with contextlib.suppress(psutil.Error, PermissionError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status != psutil.CONN_LISTEN or connection.pid is None:
                continue
            if connection.laddr and connection.laddr.port == number:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""


def _other(number: int) -> int:
    return number + 1 if number < 65535 else 8000


def _size(count: float) -> str:
    if count >= 2**30:
        return f"{count / 2**30:.1f} GB"
    return f"{count / 2**20:.0f} MB"
