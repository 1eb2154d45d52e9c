"""The decode step, compiled width by width in a thread of its own while the plain step serves.

A width is worth it once it has been stepped often. `aot_compile` gives a function that is called as it is: a call
through `torch.compile`'s own wrapper is refused while another thread traces.
"""

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import Any, cast
from weakref import ref

import torch
from torch import Tensor
from torch._inductor import config as inductor
from transformers import PreTrainedModel

from mainspring.logs import log
from workers.gpu.slotted.passes import step
from workers.gpu.slotted.tracing import let_other_threads_pass

Step = Callable[[Tensor, Tensor, Tensor], Tensor]
Maker = Callable[[PreTrainedModel, int, int], Step]

WORTH_COMPILING = 200  # steps of a number of rows: a first answer is over by then
_NICE = 15
_SWITCH_SECONDS = 1e-4  # instead of 5e-3: so long would each of those requests wait
_END_SECONDS = 30.0
_TRACING = Lock()  # of the process: two models traced at once spoil each other


class Steps:
    """`store`: number of the slots. `compile_after`: how often a width is stepped before `make` compiles it; None: never."""

    def __init__(
        self,
        model: PreTrainedModel,
        store: int,
        slots: int,
        compile_after: int | None,
        make: Maker | None = None,
    ) -> None:
        self._model, self._store, self._widths = model, store, widths(slots)
        self._after, self._make = compile_after, make or compiled
        self._counts: dict[int, int] = {}
        self._ready: dict[int, Step] = {}
        self._wanted: SimpleQueue[int | None] = SimpleQueue()
        self._thread: Thread | None = None

    @property
    def ready(self) -> set[int]:
        """The widths that are compiled."""
        return set(self._ready)

    def __call__(self, fed: list[tuple[int, int, int]]) -> Tensor:
        """`fed`: token, position and slot of each row. Gives [rows, vocabulary]."""
        width = next(width for width in self._widths if width >= len(fed))
        ready = self._ready.get(width)
        padded = fed + [(0, 0, -1)] * (width - len(fed)) if ready is not None else fed
        tokens, positions, slots = torch.tensor(padded, device=self._model.device).t().contiguous()
        if ready is not None:
            return ready(tokens, positions, slots)[: len(fed)]
        self._count(width)
        return step(self._model, self._store, tokens, positions, slots)

    def stop(self) -> None:
        """A compilation that is under way ends by itself, and nothing comes of it."""
        self._after = None
        self._wanted.put(None)

    def _count(self, width: int) -> None:
        count = self._counts[width] = self._counts.get(width, 0) + 1
        if self._after is None or count != self._after + 1:
            return
        self._wanted.put(width)
        if self._thread is None:
            threads = torch.get_num_threads()
            self._thread = Thread(target=self._compile_all, args=(threads,), name="compile", daemon=True)
            self._thread.start()
            atexit.register(_end, ref(self))

    def _compile_all(self, threads: int) -> None:
        """`threads`: of the thread that will run what is compiled; their number becomes part of it."""
        torch.set_num_threads(threads)
        _behind_others()
        let_other_threads_pass()
        while (wanted := self._wanted.get()) is not None:
            with _TRACING:
                if self._after is None:
                    return
                self._compile(wanted)

    def _compile(self, width: int) -> None:
        begun = monotonic()
        try:
            with _yielding():
                self._ready[width] = self._make(self._model, self._store, width)
        except Exception as error:  # noqa: BLE001  whatever fails in a compiler, the plain step serves
            log.warning("slots.not_compiled", cause=type(error).__name__)
            self._after = None
        else:
            log.info("slots.compiled", rows=width, seconds=round(monotonic() - begun, 1))


def _end(steps: "ref[Steps]") -> None:
    """A process that ends in the midst of a compilation is aborted: it waits for it."""
    compiling = steps()
    if compiling is not None and compiling._thread is not None:  # noqa: SLF001
        compiling.stop()
        compiling._thread.join(_END_SECONDS)  # noqa: SLF001


def _behind_others() -> None:
    """Of this thread, and of the compiler that it starts: they take what who answers leaves of the cores."""
    if sys.platform == "linux":  # elsewhere a priority is a process's
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


@contextmanager
def _yielding() -> Iterator[None]:
    """Tracing is Python and holds the interpreter's lock; who decodes asks for it hundreds of times a step."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def widths(slots: int) -> list[int]:
    """How many rows a compiled step has: one, a quarter of the slots, half of them, or all."""
    return sorted({1, -(-slots // 4), -(-slots // 2), slots})


def compiled(model: PreTrainedModel, store: int, width: int) -> Step:
    """A step of `width` rows."""

    def one(tokens: Tensor, positions: Tensor, slots: Tensor) -> Tensor:
        return step(model, store, tokens, positions, slots)

    numbers = [torch.zeros(width, dtype=torch.long, device=model.device) for _ in range(3)]
    with torch.no_grad(), inductor.patch(compile_threads=1):  # more would be processes of their own
        options: dict[str, Any] = {
            "guard_filter_fn": torch.compiler.skip_all_guards_unsafe
        }  # shapes are kept
        whole: Any = torch.compile(one, fullgraph=True, dynamic=False, options=options)
        made = whole.aot_compile((tuple(numbers), {}))
    made.disable_guard_check()
    return cast("Step", made)
