"""What no engine can exceed: the matrix products of one decode step alone, for `in flight` rows."""

import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import linear
from transformers import AutoModelForCausalLM

from benchmarks.contestants.child import serve
from workers.gpu import device

STEPS = 64


def main() -> None:
    folder, in_flight = Path(sys.argv[1]), int(sys.argv[2])
    threads = device.use_threads()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=device.dtype())
    weights = [module.weight for module in model.modules() if isinstance(module, torch.nn.Linear)]
    rows = {
        width: torch.randn(in_flight, width, dtype=device.dtype()) for width in {w.size(1) for w in weights}
    }

    @torch.inference_mode()
    def one_round(_prompts: list[str]) -> dict[str, Any]:
        begin = time.perf_counter()
        for _ in range(STEPS):
            for weight in weights:
                linear(rows[weight.size(1)], weight)
        return {"seconds": time.perf_counter() - begin, "tokens": STEPS * in_flight}

    serve({"engine": "matrix products", "in_flight": in_flight, "threads": threads}, one_round)


if __name__ == "__main__":
    main()
