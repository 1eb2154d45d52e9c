"""An engine of causal models, fed in process with all prompts at once; it runs `in flight` of them together."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from benchmarks.contestants.child import serve
from benchmarks.prompts import NEW_TOKENS
from mainspring.serving.engine import EngineRequest
from mainspring.settings import Settings
from workers.gpu import generation
from workers.gpu.load import load_version
from workers.gpu.slotted.choose import Choice


def run(choose: Callable[[PreTrainedModel], Choice]) -> None:
    folder, in_flight = Path(sys.argv[1]), int(sys.argv[2])
    generation.GenerationEngine.capacity = in_flight
    engine = load_version(folder, "text-generation", Settings(), choose)
    settings = {"engine": engine.name, "in_flight": in_flight, "threads": torch.get_num_threads()}

    def one_round(prompts: list[str]) -> dict[str, Any]:
        parameters = {"max_tokens": NEW_TOKENS}
        begin = time.perf_counter()
        futures = [
            engine.submit(EngineRequest(f"{begin}-{number}", prompt, parameters, seed=number))
            for number, prompt in enumerate(prompts)
        ]
        answers = [future.result() for future in futures]
        seconds = time.perf_counter() - begin
        tokens = sum(answer.usage["completion_tokens"] for answer in answers)
        return {"seconds": seconds, "tokens": tokens}

    serve(settings, one_round)
    engine.stop()
