"""What engines share that compute nothing, and how an infer worker is made to run one of them."""

from collections.abc import Callable

from mainspring.serving.engine import Engine, Health
from workers.engines import Engines
from workers.held import Need


class Pretending:
    """An engine but for its name, capacity and `submit`: nothing can go wrong in it."""

    plan = None

    def cancel(self, request_id: str) -> None:
        pass

    def stop(self, drain_seconds: float = 0.0) -> None:
        pass

    def health(self) -> Health:
        return Health(alive=True, pending=0, idle_seconds=0.0)


def serve_by(engine: Callable[[], Engine]) -> None:
    """Every version, whatever its model, in this process's infer worker, whose module configures the process."""
    from workers import infer

    infer.HoldVersions.engines = staticmethod(  # type: ignore[method-assign]
        lambda: Engines(lambda *_: engine(), lambda *_: Need(1), 2**30, check=lambda *_: None)
    )
