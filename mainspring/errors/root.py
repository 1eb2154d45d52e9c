"""The root of all that can go wrong."""

from typing import Any


class MainspringError(Exception):
    """The root. `code` is stable; `field` names what was wrong; `remedy` says what to do about it."""

    code = "internal"
    title = "Something went wrong inside Mainspring"
    retryable = False

    def __init__(self, detail: str, *, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.remedy = remedy

    def as_json(self) -> dict[str, Any]:
        """As stored with a failed job and shown to its owner. Never contains a prompt or an answer."""
        body = {"code": self.code, "detail": self.detail, "field": self.field, "remedy": self.remedy}
        return {key: value for key, value in body.items() if value is not None}
