"""The model's passes, compiled beside the plain ones, which serve meanwhile: the decode step width by width, and one pass
of any length that also reads.

Each is worth it once it has been run often. Another process compiles; a thread here waits for it and takes over
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
from workers.gpu.alone import LOADING
from workers.gpu.native.build import able
from workers.gpu.packed import ROUND, invariant
from workers.gpu.slotted import compiling
from workers.gpu.slotted.cache import Store
from workers.gpu.slotted.compiling import ANY, SHORT
from workers.gpu.slotted.passes import PADDING, Laid, lay, read, step
from workers.gpu.slotted.table import Part
from workers.gpu.trusted import near

Compiled = Callable[..., Tensor]  # of the model, and of what `step` or `read` takes
Command = Callable[[], "Popen[bytes]"]

WORTH_COMPILING = 200  # passes of a kind: a first answer is over by then
_SWITCH_SECONDS = 1e-4  # instead of 5e-3: so long would each of those requests wait
_END_SECONDS = 30.0
_TRIED = 7  # rows with which a pass of any length is tried
_SAID = 400  # characters of what a compiler that failed said last
_ONE = Lock()  # of the process: one compiler at a time


class Passes:
    """`threads`: of every pass.

    `compile_after`: how often one of a kind is run before it is compiled, by what `command` starts; None: never.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        store: Store,
        slots: int,
        *,
        threads: int,
        compile_after: int | None,
        command: Command = compiling.start,
    ) -> None:
        self._model, self._store, self._widths = model, store, widths(slots)
        self._threads, self._command = threads, command
        self._round = 1 if invariant(model) else ROUND
        self._after = compile_after if able(model.dtype) else None  # only the operator in C++ lets padding be
        self._counts: dict[int, int] = {}
        self._ready: dict[int, Compiled] = {}
        self._wanted: SimpleQueue[int | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._compiler: Popen[bytes] | None = None

    @property
    def ready(self) -> set[int]:
        """The widths that are compiled, ANY and SHORT among them once passes that read are."""
        return set(self._ready)

    def step(self, fed: list[tuple[int, int, int]]) -> Tensor:
        """`fed`: token, position and slot of each row. Gives [rows, vocabulary]."""
        width = next(width for width in self._widths if width >= len(fed))
        ready = self._ready.get(width)
        padded = fed + [PADDING] * (width - len(fed)) if ready is not None else fed
        tokens, positions, slots = torch.tensor(padded, device=self._model.device).t().contiguous()
        if ready is not None:
            return ready(self._model, tokens, positions, slots)[: len(fed)]
        self._count(width)
        return step(self._model, self._store.number, tokens, positions, slots)

    def read(self, parts: list[Part], fed: list[tuple[int, int, int]]) -> Tensor:
        """Feed parts of prompts and, in the same pass, one token of each who decodes.

        Gives [parts and fed, vocabulary]: what follows the last token of each.
        """
        laid = lay(self._store, parts, fed, self._round)
        kind = ANY if laid.slots is None else SHORT
        ready = self._ready.get(kind)
        if ready is None:
            self._count(kind)
        elif laid.ids.size(1) > 1:  # of one token a compiler would make something of its own
            return _kept(ready, self._model, laid)
        return read(self._model, laid.ids, laid.positions, laid.keep, laid.number)

    def stop(self, seconds: float = _END_SECONDS) -> None:
        """A compilation that is under way is given up; what is being taken over is waited for."""
        self._after = None
        self._wanted.put(None)
        if (compiler := self._compiler) is not None:
            compiler.kill()
        if self._thread is not None:
            self._thread.join(seconds)

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
            with LOADING, _yielding(), torch.no_grad():
                if self._after is None:  # stopped while another model was loading
                    return
                found: Compiled = compiling.load(made)
                self._refuse_others(found, width)
        except Exception as error:  # noqa: BLE001  whatever fails in a compiler, which knows no prompt
            log.warning("slots.not_compiled", cause=type(error).__name__, reason=str(error)[-_SAID:])
            self._after = None
        else:
            self._ready[width] = found
            log.info("slots.compiled", rows=width, seconds=round(monotonic() - begun, 1))

    def _made(self, width: int) -> bytes | None:
        """None: stopped meanwhile."""
        asked = compiling.asked(compiling.blueprint(self._model, self._store.number, width, self._threads))
        with self._command() as self._compiler:
            if self._after is None:
                self._compiler.kill()
            made, said = self._compiler.communicate(asked)
        if self._after is None:
            return None
        if self._compiler.returncode != 0:
            raise RuntimeError(said.decode(errors="replace").strip())
        return made

    def _refuse_others(self, found: Compiled, width: int) -> None:
        """Raises ValueError for other numbers than the plain step's, tried on padding, so nobody's slot is written."""
        vocabulary = self._model.config.get_text_config().vocab_size
        reads = width in (ANY, SHORT)
        rows = [((row + vocabulary // 2) % vocabulary, 0, -1) for row in range(_TRIED if reads else width)]
        tokens, positions, slots = torch.tensor(rows).t().contiguous()  # the first token may be all zeros
        expected = step(self._model, self._store.number, tokens, positions, slots)
        if reads:
            laid = lay(self._store, [], rows, self._round)
            made = _kept(found, self._model, laid if width == SHORT else laid._replace(slots=None))
        else:
            made = found(self._model, tokens, positions, slots)
        if not near(made, expected):
            raise ValueError("what was compiled gives other numbers")


def _kept(ready: Compiled, model: PreTrainedModel, laid: Laid) -> Tensor:
    """A compiled pass keeps two tokens at least."""
    keep = laid.keep if len(laid.keep) > 1 else laid.keep.repeat(2)
    reach = laid.number if laid.slots is None else laid.slots
    return ready(model, laid.ids, laid.positions, keep, reach)[: len(laid.keep)]


def _end(passes: "ref[Passes]") -> None:
    """A process that ends leaves no compiler behind, and isn't aborted because a thread of it was in torch's hands."""
    compiling_still = passes()
    if compiling_still is not None:
        compiling_still.stop()


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
