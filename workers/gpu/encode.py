"""The frozen encoder that observes, in a process of its own: `python -m workers.gpu.encode FOLDER`.

Behind everybody in priority, and its death is nobody's: whoever asked goes without its vectors. On standard input and
output: see workers/encoding.py.
"""

import os
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO

import numpy as np
import orjson

from mainspring.errors import MainspringError
from mainspring.serving.engine import Engine, EngineAnswer, EngineRequest
from mainspring.settings import Settings
from workers.encoding import read_frame, write_frame
from workers.gpu.load import load_version

_NICE = 15


def serve(engine: Engine, asked: BinaryIO, answers: BinaryIO) -> None:
    """Until there is nothing more to read."""
    while (frame := read_frame(asked)) is not None:
        began = time.process_time()
        rows = [_vector(future) for future in _submitted(engine, orjson.loads(frame))]
        width = max((len(row) for row in rows), default=0)
        found = np.full((len(rows), width), np.nan, "<f2")
        for place, row in enumerate(rows):
            if row:
                found[place] = row
        head = {"rows": len(rows), "width": width, "seconds": time.process_time() - began}
        write_frame(answers, orjson.dumps(head))
        write_frame(answers, found.tobytes())


def _submitted(engine: Engine, texts: list[str]) -> list[Future[EngineAnswer]]:
    return [
        engine.submit(EngineRequest(str(number), text, {}, seed=0, scope=""))
        for number, text in enumerate(texts)
    ]


def _vector(future: Future[EngineAnswer]) -> list[float]:
    """Empty: it cannot read this text."""
    try:
        return list(future.result().output)
    except MainspringError:
        return []


def main() -> None:
    """Standard output is for frames alone: what libraries print goes where errors go."""
    os.nice(_NICE)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    engine = load_version(Path(sys.argv[1]), "feature-extraction", Settings())
    write_frame(answers, b"ready")
    try:
        serve(engine, sys.stdin.buffer, answers)
    finally:
        engine.stop()


if __name__ == "__main__":
    main()
