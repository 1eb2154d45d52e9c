"""An infer worker whose engine answers at once: what is left is the life of a job. `celery -A benchmarks.noop_worker`."""

from concurrent.futures import Future

from mainspring.serving.engine import EngineAnswer, EngineRequest, OnText
from tests.workers.pretending import Pretending, serve_by
from workers import infer

ANSWER = EngineAnswer({"label": "yes", "score": 1.0, "scores": []}, {"prompt_tokens": 1})


class NoopEngine(Pretending):
    name = "noop"
    capacity = 32

    def submit(self, request: EngineRequest, on_text: OnText | None = None) -> Future[EngineAnswer]:  # noqa: ARG002
        future: Future[EngineAnswer] = Future()
        future.set_result(ANSWER)
        return future


serve_by(NoopEngine)
app = infer.app
