"""The story is told on the stack that the faults break."""

from tests.faults.conftest import stack

__all__ = ["stack"]
