"""What an api process counts: requests by route, never by path, and how long each took to the end of its answer."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Long polls and streams last as long as they are asked to.
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Meters:
    """Thread-safe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "mainspring_http_requests_total",
            "Requests, by the route's template; status 0: the client left before there was an answer.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "mainspring_http_request_duration_seconds",
            "Until the answer was sent, long polls and streams included.",
            ["method", "route"],
            registry=registry,
            buckets=SECONDS,
        )
        self.running = Gauge("mainspring_http_requests_running", "Requests under way.", registry=registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A client may call a method whatever it likes."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)
