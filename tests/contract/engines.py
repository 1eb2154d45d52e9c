"""What the tests do to an engine from outside: hold a forward pass, break one, count them; and inputs to vary."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from torch import nn

from mainspring.serving.engine import Engine
from tests.contract.conftest import INPUTS, Kind
from tests.contract.models import TEXTS


def model_of(engine: Any) -> nn.Module:
    holders = {
        "encoder": lambda: engine._model,
        "seq2seq": lambda: engine._model,
        "slots": lambda: engine._loop.model,
        "continuous": lambda: engine._loop._manager.model,
    }
    model: nn.Module = holders[engine.name]()
    return model


@contextmanager
def before_each_pass(engine: Engine, act: Callable[[], None]) -> Iterator[None]:
    """`act` runs in the engine's thread, before every forward pass of its model."""
    handle = model_of(engine).register_forward_pre_hook(lambda *_: act())
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def hold(engine: Engine, seconds: float = 30) -> Iterator[Event]:
    """Forward passes stand still until the end of the block, each for so long at most. Gives: one has begun."""
    entered, released = Event(), Event()

    def wait() -> None:
        entered.set()
        released.wait(seconds)

    with before_each_pass(engine, wait):
        try:
            yield entered
        finally:
            released.set()


@contextmanager
def broken_by(engine: Engine, error: Exception) -> Iterator[None]:
    def fail() -> None:
        raise error

    with before_each_pass(engine, fail):
        yield


def vary(kind: Kind, index: int) -> Any:
    """Inputs of different lengths, each its own."""
    words = " ".join(TEXTS[index % len(TEXTS)].split()[: 3 + index % 5])
    if kind.task == "question-answering":
        return {"question": f"Who wound {words}?", "context": f"{index} {TEXTS[3]}"}
    if kind.task == "fill-mask":
        return f"{words} [MASK] {index}"
    return f"{index} {words}"


def long_input(kind: Kind) -> Any:
    if kind.task == "question-answering":
        return {"question": "Who " * 600, "context": TEXTS[3]}
    return f"{INPUTS[kind.task]} " * 150
