"""Tracing a model in one thread while others run theirs.

torch.fx replaces `nn.Module.__call__` for the whole process while it traces. Whoever calls a module meanwhile in another
thread would be traced with it, and fails, since its module is none of those that are traced. Here such calls go past.
"""

from threading import get_ident
from typing import Any

from torch.fx import Tracer

_trace: Any = Tracer.trace
_call_module: Any = Tracer.call_module


def let_other_threads_pass() -> None:
    """For the rest of the process; once is enough, again changes nothing."""
    tracer: Any = Tracer
    tracer.trace, tracer.call_module = _remembering, _passing


def _remembering(self: Any, *args: Any, **kwargs: Any) -> Any:
    self.mainspring_thread = get_ident()
    return _trace(self, *args, **kwargs)


def _passing(self: Any, module: Any, forward: Any, args: Any, kwargs: Any) -> Any:
    if getattr(self, "mainspring_thread", get_ident()) != get_ident():
        return forward(*args, **kwargs)
    return _call_module(self, module, forward, args, kwargs)
