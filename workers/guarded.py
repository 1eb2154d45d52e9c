"""Connections to addresses of the public internet alone, until a moment: a webhook's URL is what a client typed, and
whoever is behind it may take its time.

The name is resolved once, every address it has is looked at, and the connection goes to one of these: nothing is
resolved a second time in between (DNS rebinding).
"""

import ipaddress
import socket
from collections.abc import Iterable
from concurrent.futures import Future
from threading import Thread
from typing import Any

import httpcore
from httpcore import SOCKET_OPTION, NetworkBackend, NetworkStream

from workers.hurried import Deadline, Hurried, told_as


class PrivateAddress(Exception):
    """The name leads to an address that is not of the public internet."""


class Guarded(NetworkBackend):
    """`allow_private`: for tests, and for installations whose receivers live beside them."""

    def __init__(self, deadline: Deadline, *, allow_private: bool) -> None:
        self._deadline, self._allow_private = deadline, allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Raises PrivateAddress, httpcore.ConnectError and httpcore.ConnectTimeout."""
        assert local_address is None
        assert socket_options is None
        with told_as(httpcore.ConnectTimeout, httpcore.ConnectError):
            address = self._vetted(host, port)
            made = socket.create_connection((address, port), self._deadline.left(timeout))
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Hurried(made, self._deadline)

    def _vetted(self, host: str, port: int) -> str:
        found = _resolved(host, port, self._deadline.left())
        addresses = [str(entry[4][0]) for entry in found]
        if not self._allow_private and not all(_is_public(address) for address in addresses):
            raise PrivateAddress
        return addresses[0]


def _resolved(host: str, port: int, seconds: float) -> list[Any]:
    """By a thread that is left alone when it takes longer: the system's resolver cannot be stopped. Raises OSError."""
    found: Future[list[Any]] = Future()

    def resolve() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.set_exception(OSError(f"the name is not known: {type(error).__name__}"))

    try:
        ipaddress.ip_address(host)
    except ValueError:
        Thread(target=resolve, name="resolver", daemon=True).start()
    else:
        resolve()
    return found.result(seconds)


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        for inner in (found.ipv4_mapped, found.sixtofour, found.teredo[1] if found.teredo else None):
            if inner is not None:
                return inner.is_global and not inner.is_multicast
    return found.is_global and not found.is_multicast
