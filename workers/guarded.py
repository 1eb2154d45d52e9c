"""Connections to addresses of the public internet alone: a webhook's URL is what a client typed.

The name is resolved once, every address it has is looked at, and the connection goes to one of these: nothing is
resolved a second time in between (DNS rebinding).
"""

import ipaddress
import socket
from collections.abc import Iterable

import httpcore
from httpcore import SOCKET_OPTION, NetworkBackend, NetworkStream, SyncBackend


class PrivateAddress(Exception):
    """The name leads to an address that is not of the public internet."""


class Guarded(NetworkBackend):
    """`allow_private`: for tests, and for installations whose receivers live beside them."""

    def __init__(self, *, allow_private: bool) -> None:
        self._backend, self._allow_private = SyncBackend(), allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Raises PrivateAddress and httpcore.ConnectError."""
        return self._backend.connect_tcp(
            self._vetted(host, port), port, timeout, local_address, socket_options
        )

    def _vetted(self, host: str, port: int) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name is not known") from error
        addresses = [str(entry[4][0]) for entry in found]
        if not self._allow_private and not all(_is_public(address) for address in addresses):
            raise PrivateAddress
        return addresses[0]


def _is_public(address: str) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        for inner in (found.ipv4_mapped, found.sixtofour, found.teredo[1] if found.teredo else None):
            if inner is not None:
                return inner.is_global and not inner.is_multicast
    return found.is_global and not found.is_multicast
