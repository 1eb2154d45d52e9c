"""A trace in one thread leaves alone what others run meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import torch
from torch import Tensor, fx, nn

from workers.gpu.slotted.tracing import let_other_threads_pass

SECONDS = 30


class Held(nn.Module):
    """Its trace stands still until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 3)
        self.tracing, self.go_on = Event(), Event()

    def forward(self, rows: Tensor) -> Tensor:
        self.tracing.set()
        assert self.go_on.wait(SECONDS)
        made: Tensor = self.inner(rows)
        return made


def test_a_module_of_another_thread_runs_as_ever() -> None:
    let_other_threads_pass()
    held, other, rows = Held(), nn.Linear(3, 2), torch.ones(1, 3)
    expected = other(rows)
    with ThreadPoolExecutor(1) as pool:
        traced = pool.submit(fx.symbolic_trace, held)
        assert held.tracing.wait(SECONDS)
        try:
            assert torch.equal(other(rows), expected)
        finally:
            held.go_on.set()
        graph = traced.result(SECONDS)
    assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == ["inner"]
