"""A Valkey for contestants that need a broker: in memory, on a free port, gone afterwards."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NotThere
from redis.retry import Retry

from benchmarks.contestants.server import free_port
from mainspring.local.valkey import binary


@contextmanager
def valkey() -> Iterator[str]:
    """Its address."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="mainspring-") as folder:
        process = subprocess.Popen(
            [binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            Redis(port=port, retry=Retry(ConstantBackoff(0.1), 50, (NotThere,))).ping()
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait()
