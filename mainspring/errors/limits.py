"""What may be asked again later."""

from mainspring.errors.root import MainspringError


class NotReady(MainspringError):
    """The deployment has no version in production yet."""

    code = "not_ready"
    title = "The deployment has no version in production yet"
    retryable = True


class QueueFull(MainspringError):
    """The deployment's queue has reached its bound."""

    code = "queue_full"
    title = "The queue of this deployment is full"
    retryable = True

    def __init__(
        self, detail: str, *, retry_after: int, field: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(detail, field=field, remedy=remedy)
        self.retry_after = retry_after


class RateLimited(QueueFull):
    """A tenant sends faster than it may."""

    code = "rate_limited"
    title = "Too many requests"
