"""The infer worker: `celery -A workers.infer worker -P threads`. One process a GPU; it holds the live versions.

Two bootsteps: one for the process (the runtime, before messages come and until the last job is written),
one for each connection to the broker (which queues to take from).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.worker.consumer import Consumer

from mainspring.garbage import keep_imports
from mainspring.logs import configure, log
from mainspring.registry.remote import remote
from mainspring.serving.engine import Engine, Plan
from mainspring.settings import Settings
from mainspring.tables import EngineName, EngineWish
from mainspring.tracing import check
from workers.app import create_app
from workers.engines import Engines
from workers.held import Need
from workers.quarantine import Quarantine
from workers.remote.load import load_remote
from workers.runtime import Runtime

settings = Settings()
configure(settings.log_level, as_json=settings.log_json)
check(settings)
app = create_app(settings, "infer", ["workers.tasks.answer", "workers.tasks.try_out"])


class Queues:
    """The queues that are consumed, remembered over reconnects; before there is a connection it only remembers."""

    def __init__(self) -> None:
        self._consumer: Consumer | None = None
        self._names: set[str] = set()

    def attach(self, consumer: Consumer) -> None:
        self._consumer = consumer
        for name in self._names:
            consumer.call_soon(_take, consumer, name)

    def consume(self, name: str) -> None:
        self._names.add(name)
        if self._consumer is not None:
            self._consumer.call_soon(_take, self._consumer, name)

    def ignore(self, name: str) -> None:
        self._names.discard(name)
        if self._consumer is not None:
            self._consumer.call_soon(self._consumer.cancel_task_queue, name)


def _take(consumer: Consumer, name: str) -> None:
    """Without acknowledgement: see workers.task.Nudged."""
    consumer.add_task_queue(name, exchange="", exchange_type="direct", routing_key=name, no_ack=True)


queues = Queues()


class HoldVersions(bootsteps.StartStopStep):
    """Started after the thread pool and stopped before it, while the tasks can still write what they have."""

    requires = ("celery.worker.components:Pool",)

    @staticmethod
    def engines() -> Engines:
        """How versions become engines here; torch is imported when the worker starts, not before."""
        from workers.gpu.load import load_version, memory_needed
        from workers.gpu.memory import memory_budget
        from workers.gpu.planning import machine

        def load(path: Path, task: str, wish: EngineWish, known: Plan | None) -> Engine:
            if wish.name is EngineName.VLLM:
                return load_remote(path, settings, wish.url)
            return load_version(path, task, settings, wish.name, known)

        def needs(path: Path, task: str, wish: EngineWish) -> Need:
            return Need(0) if wish.name is EngineName.VLLM else memory_needed(path, task, settings)

        behind = remote(settings)
        made = Engines(load, needs, memory_budget(settings), machine())
        return made if behind is None else replace(made, fetch=behind.fetch)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._runtime: Runtime | None = None

    def start(self, parent: Any) -> None:  # noqa: ARG002  Celery's signature
        engines = self.engines()
        keep_imports()
        self._runtime = Runtime(app, settings, engines, consume=queues.consume, ignore=queues.ignore)
        Quarantine(self._runtime)
        app.process = self._runtime

    def stop(self, parent: Any) -> None:  # noqa: ARG002  Celery's signature
        if self._runtime is not None:
            log.info("worker.stopping")
            self._runtime.stop()
            self._runtime = None

    def terminate(self, parent: Any) -> None:
        self.stop(parent)


class TakeQueues(bootsteps.StartStopStep):
    """Runs again after every reconnect."""

    requires = ("celery.worker.consumer:Tasks",)

    def start(self, consumer: Consumer) -> None:
        queues.attach(consumer)


app.steps["worker"].add(HoldVersions)
app.steps["consumer"].add(TakeQueues)
