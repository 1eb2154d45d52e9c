"""An infer worker whose engine answers at once: what is left is the life of a job. `celery -A benchmarks.noop_worker`."""

from concurrent.futures import Future

from mainspring.serving.engine import EngineAnswer, EngineRequest, Health, OnText
from workers import infer
from workers.holder import Engines

ANSWER = EngineAnswer({"label": "yes", "score": 1.0, "scores": []}, {"prompt_tokens": 1})


class NoopEngine:
    name = "noop"
    capacity = 32
    plan = None

    def submit(self, request: EngineRequest, on_text: OnText | None = None) -> Future[EngineAnswer]:  # noqa: ARG002
        future: Future[EngineAnswer] = Future()
        future.set_result(ANSWER)
        return future

    def cancel(self, request_id: str) -> None:
        pass

    def stop(self, drain_seconds: float = 0.0) -> None:
        pass

    def health(self) -> Health:
        return Health(alive=True, pending=0, idle_seconds=0.0)


infer.HoldVersions.engines = staticmethod(  # type: ignore[method-assign]
    lambda: Engines(lambda *_: NoopEngine(), lambda *_: 1, 2**30)
)
app = infer.app
