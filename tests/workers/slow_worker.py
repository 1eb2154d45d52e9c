"""An infer worker whose engine takes its time, as many requests at once as it has slots, and never computes anything.

`celery -A tests.workers.slow_worker`. How long an answer takes is drawn from its request's seed; it says the scope.
"""

from concurrent.futures import Future
from random import Random
from threading import Timer

from mainspring.errors import Cancelled
from mainspring.serving.engine import EngineAnswer, EngineRequest, OnText
from tests.workers.pretending import Pretending, serve_by
from tests.workers.slow_pace import BEGUN, LONGEST, SHORTEST, SLOTS
from workers import infer


class SlowEngine(Pretending):
    name = "slow"
    capacity = SLOTS

    def __init__(self) -> None:
        self._running: dict[str, Future[EngineAnswer]] = {}

    def submit(self, request: EngineRequest, _on_text: OnText | None = None) -> Future[EngineAnswer]:
        future: Future[EngineAnswer] = Future()
        seconds = Random(request.seed).uniform(SHORTEST, LONGEST)
        answer = EngineAnswer(
            {"text": request.scope, "finish_reason": "stop"},
            {"completion_tokens": 1},
            first_token_seconds=BEGUN * seconds,
            engine_seconds=seconds,
        )
        self._running[request.id] = future
        Timer(seconds, self._end, [request.id, answer]).start()
        return future

    def cancel(self, request_id: str) -> None:
        if (future := self._running.pop(request_id, None)) is not None:
            future.set_exception(Cancelled("the request was cancelled"))

    def _end(self, request_id: str, answer: EngineAnswer) -> None:
        if (future := self._running.pop(request_id, None)) is not None:
            future.set_result(answer)


serve_by(SlowEngine)
app = infer.app
