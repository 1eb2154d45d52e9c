"""The decode step, compiled width by width beside the plain step, which serves meanwhile.

A width is worth it once it has been stepped often. Another process compiles; a thread here waits for it and takes over
what it made, if that gives the same numbers.
"""

import atexit
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from subprocess import Popen
from threading import Lock, Thread
from time import monotonic
from weakref import ref

import torch
from torch import Tensor
from transformers import PreTrainedModel

from mainspring.logs import log
from workers.gpu.slotted import compiling
from workers.gpu.slotted.kernel import built
from workers.gpu.slotted.passes import step
from workers.gpu.trusted import near

Step = Callable[[PreTrainedModel, Tensor, Tensor, Tensor], Tensor]
Command = Callable[[], "Popen[bytes]"]

WORTH_COMPILING = 200  # steps of a number of rows: a first answer is over by then
_SWITCH_SECONDS = 1e-4  # instead of 5e-3: so long would each of those requests wait
_END_SECONDS = 30.0
_SAID = 400  # characters of what a compiler that failed said last
_ONE = Lock()  # of the process: one compiler at a time


class Steps:
    """`store`: number of the slots; `threads`: of every pass.

    `compile_after`: how often a width is stepped before it is compiled, by what `command` starts; None: never.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        store: int,
        slots: int,
        *,
        threads: int,
        compile_after: int | None,
        command: Command = compiling.start,
    ) -> None:
        self._model, self._store, self._widths = model, store, widths(slots)
        self._threads, self._command = threads, command
        self._after = compile_after if built(model.dtype) else None  # only the kernel lets padding be
        self._counts: dict[int, int] = {}
        self._ready: dict[int, Step] = {}
        self._wanted: SimpleQueue[int | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._compiler: Popen[bytes] | None = None

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
            return ready(self._model, tokens, positions, slots)[: len(fed)]
        self._count(width)
        return step(self._model, self._store, tokens, positions, slots)

    def stop(self) -> None:
        """A compilation that is under way is given up."""
        self._after = None
        self._wanted.put(None)
        if (compiler := self._compiler) is not None:
            compiler.kill()

    def _count(self, width: int) -> None:
        count = self._counts[width] = self._counts.get(width, 0) + 1
        if self._after is None or count != self._after + 1:
            return
        self._wanted.put(width)
        if self._thread is None:
            self._thread = Thread(target=self._compile_all, name="compile", daemon=True)
            self._thread.start()
            atexit.register(_end, ref(self))

    def _compile_all(self) -> None:
        torch.set_num_threads(self._threads)  # of this thread, which tries what was compiled
        while (wanted := self._wanted.get()) is not None:
            with _ONE:
                if self._after is None:
                    return
                self._compile(wanted)

    def _compile(self, width: int) -> None:
        begun = monotonic()
        try:
            made = self._made(width)
            if made is None:
                return
            with _yielding(), torch.no_grad():
                found: Step = compiling.load(made)
                self._refuse_others(found, width)
        except Exception as error:  # noqa: BLE001  whatever fails in a compiler, which knows no prompt
            log.warning("slots.not_compiled", cause=type(error).__name__, reason=str(error)[-_SAID:])
            self._after = None
        else:
            self._ready[width] = found
            log.info("slots.compiled", rows=width, seconds=round(monotonic() - begun, 1))

    def _made(self, width: int) -> bytes | None:
        """None: stopped meanwhile."""
        asked = compiling.asked(compiling.blueprint(self._model, self._store, width, self._threads))
        with self._command() as self._compiler:
            if self._after is None:
                self._compiler.kill()
            made, said = self._compiler.communicate(asked)
        if self._after is None:
            return None
        if self._compiler.returncode != 0:
            raise RuntimeError(said.decode(errors="replace").strip())
        return made

    def _refuse_others(self, found: Step, width: int) -> None:
        """Raises ValueError for other numbers than the plain step's. Tried on padding, so nobody's slot is written."""
        vocabulary = self._model.config.get_text_config().vocab_size
        tokens = (
            torch.arange(width) + vocabulary // 2
        ) % vocabulary  # the first may be padding, which is zeros
        nowhere = torch.full_like(tokens, -1)
        rows = (tokens, torch.zeros_like(tokens), nowhere)
        if not near(found(self._model, *rows), step(self._model, self._store, *rows)):
            raise ValueError("the compiled step gives other numbers")


def _end(steps: "ref[Steps]") -> None:
    """A process that ends leaves no compiler behind, and isn't aborted because a thread of it was in torch's hands."""
    compiling_still = steps()
    if compiling_still is not None and compiling_still._thread is not None:  # noqa: SLF001
        compiling_still.stop()
        compiling_still._thread.join(_END_SECONDS)  # noqa: SLF001


@contextmanager
def _yielding() -> Iterator[None]:
    """To load it is Python and holds the interpreter's lock; who decodes asks for it hundreds of times a step."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def widths(slots: int) -> list[int]:
    """How many rows a compiled step has: one, a quarter of the slots, half of them, or all."""
    return sorted({1, -(-slots // 4), -(-slots // 2), slots})
