"""The story is told on the stack that the faults break; Prometheus looks at it."""

from tests.faults.conftest import stack
from tests.prometheus.conftest import prometheus

__all__ = ["prometheus", "stack"]
