"""The decode step, compiled shape by shape in a thread of its own while the plain step serves.

A shape is worth it once it has been stepped often. `aot_compile` gives a function that is called as it is: a call
through `torch.compile`'s own wrapper is refused while another thread traces.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Any, cast

import torch
from torch import Tensor
from torch._inductor import config as inductor
from transformers import PreTrainedModel

from mainspring.logs import log
from workers.gpu.slotted.passes import step

Step = Callable[[Tensor, Tensor, list[Tensor], list[Tensor]], Tensor]
Maker = Callable[[PreTrainedModel, int, list[Tensor], list[Tensor]], Step]
Shape = tuple[int, int]  # slots that a step covers, and their length

_TRACING = Lock()  # of the process: two models traced at once spoil each other


class Steps:
    """`compile_after`: how often a shape is stepped before `make` compiles it; None: never."""

    def __init__(self, model: PreTrainedModel, compile_after: int | None, make: Maker | None = None) -> None:
        self._model, self._after, self._make = model, compile_after, make or compiled
        self._counts: dict[Shape, int] = {}
        self._ready: dict[Shape, Step] = {}
        self._wanted: SimpleQueue[tuple[Shape, list[Tensor], list[Tensor]] | None] = SimpleQueue()
        self._thread: Thread | None = None

    @property
    def ready(self) -> set[Shape]:
        return set(self._ready)

    def __call__(self, tokens: Tensor, positions: Tensor, keys: list[Tensor], values: list[Tensor]) -> Tensor:
        """As `passes.step`."""
        shape = (tokens.size(0), keys[0].size(2))
        ready = self._ready.get(shape)
        if ready is not None:
            return ready(tokens, positions, keys, values)
        self._count(shape, keys, values)
        return step(self._model, tokens, positions, keys, values, fused=False)

    def stop(self) -> None:
        """A compilation under way ends with its thread or with the process."""
        self._after = None
        self._wanted.put(None)

    def _count(self, shape: Shape, keys: list[Tensor], values: list[Tensor]) -> None:
        count = self._counts[shape] = self._counts.get(shape, 0) + 1
        if self._after is None or count != self._after + 1:
            return
        self._wanted.put((shape, _like(keys), _like(values)))
        if self._thread is None:
            threads = torch.get_num_threads()
            self._thread = Thread(target=self._compile_all, args=(threads,), name="compile", daemon=True)
            self._thread.start()

    def _compile_all(self, threads: int) -> None:
        """`threads`: of the thread that will run what is compiled; their number becomes part of it."""
        torch.set_num_threads(threads)
        while (wanted := self._wanted.get()) is not None:
            with _TRACING:
                if self._after is None:
                    return
                self._compile(*wanted)

    def _compile(self, shape: Shape, keys: list[Tensor], values: list[Tensor]) -> None:
        begun = monotonic()
        try:
            self._ready[shape] = self._make(self._model, shape[0], keys, values)
        except Exception as error:  # noqa: BLE001  whatever fails in a compiler, the plain step serves
            log.warning("slots.not_compiled", cause=type(error).__name__)
            self._after = None
        else:
            log.info("slots.compiled", slots=shape[0], length=shape[1], seconds=round(monotonic() - begun, 1))


def _like(tensors: list[Tensor]) -> list[Tensor]:
    """Shapes to compile for; their memory is never touched."""
    return [torch.empty_like(tensor) for tensor in tensors]


def compiled(model: PreTrainedModel, width: int, keys: list[Tensor], values: list[Tensor]) -> Step:
    """A step for `width` slots whose tensors are shaped like these."""

    def one(tokens: Tensor, positions: Tensor, keys: list[Tensor], values: list[Tensor]) -> Tensor:
        return step(model, tokens, positions, keys, values, fused=True)

    numbers = torch.zeros(width, dtype=torch.long, device=model.device)
    with torch.no_grad(), inductor.patch(compile_threads=1):  # more would be processes of their own
        options: dict[str, Any] = {
            "guard_filter_fn": torch.compiler.skip_all_guards_unsafe
        }  # shapes are kept
        whole: Any = torch.compile(one, fullgraph=True, dynamic=False, options=options)
        made = whole.aot_compile(((numbers, numbers.clone(), keys, values), {}))
    made.disable_guard_check()
    return cast("Step", made)
