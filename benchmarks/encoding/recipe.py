"""The usual recipe: a Celery task that loads the model once a process and answers one text, its result kept in Redis.

Where it runs and with what, its two environment variables say: REDIS, a URL without a database, and MODEL, a folder.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery

# Their options and environment. Prefork is a process a core; tuned, as few do it, each has one thread of torch.
POOLS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "solo": (("-P", "solo"), {}),
    "prefork": (("-P", "prefork"), {}),
    "tuned": (("-P", "prefork"), {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}),
}
USUAL = ("solo", "prefork")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR")
TASKS = {"text-classification": "classify", "feature-extraction": "embed"}


def application(redis: str, number: int = 1) -> Celery:
    """`number`: of the first of two databases of this Redis, which nobody else uses."""
    app = Celery(
        "recipe",
        broker=f"{redis}?virtual_host={number}",
        backend=f"{redis}?virtual_host={number + 1}",
    )

    @app.task(name="classify")
    def classify(text: str) -> Any:
        return _pipeline()(text)[0]

    @app.task(name="embed")
    def embed(text: str) -> Any:
        return _sentences().encode([text])[0].tolist()

    return app


@cache
def _pipeline() -> Any:
    from transformers import pipeline

    return pipeline("text-classification", model=os.environ["MODEL"])


@cache
def _sentences() -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(os.environ["MODEL"])


class Recipe:
    """A worker of one pool, up while it is entered; `ask` hands all texts in and then waits for all results."""

    def __init__(self, redis: str, number: int, pool: str, task: str, model: Path) -> None:
        self._app = application(redis, number)
        self._task = self._app.tasks[TASKS[task]]
        self._command = [sys.executable, "-m", __spec__.name, redis, str(number), pool]
        self._environment = {"MODEL": str(model), **POOLS[pool][1]}

    @contextmanager
    def running(self) -> Iterator[None]:
        environment = os.environ | self._environment
        worker = subprocess.Popen(self._command, env=environment, stderr=subprocess.DEVNULL)
        try:
            self.ask(["The first text makes a process load its model."] * 8)
            yield
        finally:
            worker.terminate()
            worker.wait()

    def ask(self, texts: list[str]) -> list[Any]:
        waited = [self._task.delay(text) for text in texts]
        return [one.get(timeout=120) for one in waited]


if __name__ == "__main__":
    application(sys.argv[1], int(sys.argv[2])).worker_main(["worker", *POOLS[sys.argv[3]][0], *QUIET])
