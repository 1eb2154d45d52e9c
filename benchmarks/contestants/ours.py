"""An engine of causal models, fed in process with all prompts at once; it runs `in flight` of them together."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.contestants.child import Round, serve
from benchmarks.prompts import NEW_TOKENS
from mainspring.serving.engine import EngineRequest, Plan
from mainspring.settings import Settings
from workers.gpu import device
from workers.gpu.load import load_model, load_version
from workers.gpu.planning import plan_for


def run(asked: str) -> None:
    """`asked`: which engine."""
    folder, in_flight = Path(sys.argv[1]), int(sys.argv[2])
    plan = _plan(folder, asked, in_flight)
    engine = load_version(folder, "text-generation", Settings(), asked, plan)

    def one_round(asked: Round) -> dict[str, Any]:
        parameters = {"max_tokens": NEW_TOKENS}
        begin, before = time.perf_counter(), time.process_time()
        futures = [
            engine.submit(EngineRequest(f"{begin}-{number}", prompt, parameters, seed=number))
            for number, prompt in enumerate(asked.prompts)
        ]
        answers = [future.result() for future in futures]
        seconds = time.perf_counter() - begin
        tokens = sum(answer.usage["completion_tokens"] for answer in answers)
        processor = {"engine": time.process_time() - before}
        return {"seconds": seconds, "tokens": tokens, "processor": processor}

    serve(
        {"engine": engine.name, "slots": engine.capacity, "threads": plan.threads, "dtype": plan.dtype},
        one_round,
    )
    engine.stop()


def _plan(folder: Path, asked: str, in_flight: int) -> Plan:
    """As measured here, but with as many slots as there are in flight."""
    device.use_threads()
    return replace(plan_for(load_model(folder, "text-generation").model, asked), slots=in_flight)
