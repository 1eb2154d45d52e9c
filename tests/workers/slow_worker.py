"""An infer worker whose engine takes its time, as many requests at once as it has slots, and never computes anything.

`celery -A tests.workers.slow_worker`. How long an answer takes is drawn from its request's seed; it says the scope.
"""

from concurrent.futures import Future
from random import Random
from threading import Timer

from mainspring.serving.engine import EngineAnswer, EngineRequest, OnText
from tests.workers.pretending import Pretending, serve_by
from tests.workers.slow_pace import BEGUN, LONGEST, SHORTEST, SLOTS
from workers import infer


class SlowEngine(Pretending):
    name = "slow"
    capacity = SLOTS

    def submit(self, request: EngineRequest, _on_text: OnText | None = None) -> Future[EngineAnswer]:
        future: Future[EngineAnswer] = Future()
        seconds = Random(request.seed).uniform(SHORTEST, LONGEST)
        answer = EngineAnswer(
            {"text": request.scope, "finish_reason": "stop"},
            {"completion_tokens": 1},
            first_token_seconds=BEGUN * seconds,
            engine_seconds=seconds,
        )
        Timer(seconds, future.set_result, [answer]).start()
        return future


serve_by(SlowEngine)
app = infer.app
