"""What no engine can exceed: the matrix products of one decode step alone, for `in flight` rows.

By torch's own product and by the packed one, whichever is faster on this processor.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import AutoModelForCausalLM

from benchmarks.contestants.child import Round, serve
from workers.gpu import device
from workers.gpu.packed import Product as Packed

STEPS = 32
Product = Callable[[Tensor], Tensor]


def main() -> None:
    folder, in_flight = Path(sys.argv[1]), int(sys.argv[2])
    threads = device.use_threads()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=device.dtype())
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    rows = {
        width: torch.randn(in_flight, width, dtype=device.dtype())
        for width in {layer.weight.size(1) for layer in layers}
    }
    plain: list[tuple[int, Product]] = [
        (layer.weight.size(1), lambda rows, weight=layer.weight: linear(rows, weight)) for layer in layers
    ]
    packed: list[tuple[int, Product]] = [
        (layer.weight.size(1), Packed(layer.weight, layer.bias)) for layer in layers
    ]

    @torch.no_grad()
    def seconds(products: list[tuple[int, Product]]) -> float:
        begin = time.perf_counter()
        for _ in range(STEPS):
            for width, product in products:
                product(rows[width])
        return time.perf_counter() - begin

    def one_round(_: Round) -> dict[str, Any]:
        return {"seconds": min(seconds(plain), seconds(packed)), "tokens": STEPS * in_flight}

    serve({"engine": "matrix products", "rows": in_flight, "threads": threads}, one_round)


if __name__ == "__main__":
    main()
