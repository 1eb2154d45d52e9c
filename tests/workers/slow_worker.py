"""An infer worker whose engine takes its time, as many requests at once as it has slots, and never computes anything.

`celery -A tests.workers.slow_worker`. How long an answer takes is drawn from its request's seed.
"""

from concurrent.futures import Future
from random import Random
from threading import Timer

from mainspring.serving.engine import EngineAnswer, EngineRequest, Health, OnText
from tests.workers.slow_pace import BEGUN, LONGEST, SHORTEST, SLOTS
from workers import infer
from workers.holder import Engines


class SlowEngine:
    name = "slow"
    capacity = SLOTS
    plan = None

    def submit(self, request: EngineRequest, _on_text: OnText | None = None) -> Future[EngineAnswer]:
        future: Future[EngineAnswer] = Future()
        seconds = Random(request.seed).uniform(SHORTEST, LONGEST)
        answer = EngineAnswer(
            {"text": "slow", "finish_reason": "stop"},
            {"completion_tokens": 1},
            first_token_seconds=BEGUN * seconds,
            engine_seconds=seconds,
        )
        Timer(seconds, future.set_result, [answer]).start()
        return future

    def cancel(self, request_id: str) -> None:
        pass

    def stop(self, drain_seconds: float = 0.0) -> None:
        pass

    def health(self) -> Health:
        return Health(alive=True, pending=0, idle_seconds=0.0)


infer.HoldVersions.engines = staticmethod(lambda: Engines(lambda *_: SlowEngine(), lambda *_: 1, 2**30))
app = infer.app
