"""A connection whose every step ends at one moment.

httpcore gives each read and write a timeout of its own, so a receiver that sends a byte now and then would hold its
connection for ever.
"""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
from httpcore import NetworkStream


class Deadline:
    """So many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Seconds, at most so many. Raises TimeoutError when none are left."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left if most is None else min(left, most)


@contextmanager
def told_as(late: type[httpcore.TimeoutException], broken: type[httpcore.NetworkError]) -> Iterator[None]:
    """Raises one of these for what sockets raise."""
    try:
        yield
    except TimeoutError as error:
        raise late from error
    except OSError as error:
        raise broken from error


class Hurried(NetworkStream):
    """The timeouts that its methods are given are kept, too."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection, self._deadline = connection, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with told_as(httpcore.ReadTimeout, httpcore.ReadError):
            self._connection.settimeout(self._deadline.left(timeout))
            return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        with told_as(httpcore.WriteTimeout, httpcore.WriteError):
            while rest:
                self._connection.settimeout(self._deadline.left(timeout))
                rest = rest[self._connection.send(rest) :]

    def close(self) -> None:
        self._connection.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> NetworkStream:
        with told_as(httpcore.ConnectTimeout, httpcore.ConnectError):
            self._connection.settimeout(self._deadline.left(timeout))
            secured = ssl_context.wrap_socket(self._connection, server_hostname=server_hostname)
        return Hurried(secured, self._deadline)
