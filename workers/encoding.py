"""The frozen encoder as an ops worker uses it: a child process that is started at need and may die at any time.

A request is a frame with a list of texts as JSON; the reply two frames: `rows`, `width` and the processor's `seconds` as
JSON, and the vectors as half-precision numbers (binary16, little-endian), NaN where a text could not be read. A frame is
its length as four bytes, big-endian, and so many bytes.
"""

import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
import orjson

from mainspring.logs import log
from mainspring.observe.eyes import Encoded
from mainspring.settings import Settings

MOST_CHARACTERS = 1000  # of a text: as much as says what it is about
_LENGTH = struct.Struct(">I")


def write_frame(file: BinaryIO, content: bytes) -> None:
    file.write(_LENGTH.pack(len(content)) + content)
    file.flush()


def read_frame(file: BinaryIO) -> bytes | None:
    """None: the other side is gone."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = file.read(length)
    return content if len(content) == length else None


class EncoderProcess:
    """Thread-safe: one asks at a time. What goes wrong is logged, and the next who asks starts another."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def encode(self, texts: Sequence[str]) -> Encoded | None:
        """Vectors and what they cost; None: there is no encoder now."""
        with self._lock:
            try:
                return self._asked(self._started(), [text[:MOST_CHARACTERS] for text in texts])
            except (OSError, ValueError) as error:
                log.warning("encoder.gone", error=type(error).__name__)
                self._end()
                return None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        with self._lock:
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or not self.running:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workers.gpu.encode", str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=self._settings.as_environment(),
            )
            if read_frame(self._process.stdout) != b"ready":  # type: ignore[arg-type]
                raise OSError("it did not start")
        return self._process

    @staticmethod
    def _asked(process: subprocess.Popen[bytes], texts: list[str]) -> Encoded:
        assert process.stdin is not None
        assert process.stdout is not None
        write_frame(process.stdin, orjson.dumps(texts))  # type: ignore[arg-type]
        head, rows = read_frame(process.stdout), read_frame(process.stdout)  # type: ignore[arg-type]
        if head is None or rows is None:
            raise OSError("it is gone")
        said = orjson.loads(head)
        vectors = np.frombuffer(rows, "<f2").reshape(said["rows"], said["width"]).astype(np.float32)
        return Encoded(vectors, said["seconds"])

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]
