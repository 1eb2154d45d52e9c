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
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn does
            probe.bind(place)
    except OSError as error:
        raise _port_refused(settings, error) from error
    return f"{settings.host}:{settings.port} is free"


def _port_refused(settings: Settings, error: OSError) -> StackError:
    if error.errno == errno.EADDRINUSE:
        return StackError(
            f"port {settings.port} is taken{_taken_by(settings.port)}",
            remedy=f"Stop that, or choose another port: MAINSPRING_PORT={_other(settings.port)}",
        )
    if error.errno == errno.EACCES:
        return StackError(
            f"port {settings.port} is not allowed for this user",
            remedy="Choose one from 1024 on: MAINSPRING_PORT=8000",
        )
    return StackError(
        f"the api cannot listen on {settings.host}:{settings.port}: {error.strerror or error}",
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
