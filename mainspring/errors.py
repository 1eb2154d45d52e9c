"""What can go wrong, as a glossary. Codes are stable; no HTTP numbers here: api/problems.py maps them."""

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


class InvalidRequest(MainspringError):
    """A field has a value that cannot be accepted."""

    code = "invalid_request"
    title = "The request has a value that cannot be accepted"


class MalformedBody(InvalidRequest):
    """The body is not the JSON that it claims to be."""

    code = "malformed_json"
    title = "The body is not valid JSON"


class UnknownParameter(InvalidRequest):
    """A field or parameter that this task does not have."""

    code = "unknown_parameter"
    title = "The request has a field that does not exist here"


class InvalidText(InvalidRequest):
    """Text that no tokenizer and no database can hold: NUL or a lone surrogate."""

    code = "invalid_text"
    title = "The text contains characters that cannot be stored"


class BodyTooLarge(InvalidRequest):
    """The body is larger than the limit."""

    code = "body_too_large"
    title = "The body is too large"


class PromptTooLong(InvalidRequest):
    """The prompt and the tokens asked for exceed the version's context length."""

    code = "prompt_too_long"
    title = "The prompt is longer than the version can read"


class Unauthenticated(MainspringError):
    """No key, or one that is not known or was revoked."""

    code = "unauthenticated"
    title = "A valid API key is needed"


class Forbidden(MainspringError):
    """The key is known but lacks the scope."""

    code = "forbidden"
    title = "This key may not do that"


class NotFound(MainspringError):
    """There is no such thing, or it belongs to another tenant."""

    code = "not_found"
    title = "There is no such thing"


class UnknownDeployment(NotFound):
    """No deployment has this name."""

    code = "unknown_deployment"
    title = "There is no deployment of that name"


class DeploymentRetired(NotFound):
    """The deployment was retired: it finishes what it had accepted and takes nothing new."""

    code = "deployment_retired"
    title = "The deployment was retired"


class UnknownJob(NotFound):
    """No job of this tenant has this id."""

    code = "unknown_job"
    title = "There is no job with that id"


class UnknownVersion(NotFound):
    """The deployment has no version of this number."""

    code = "unknown_version"
    title = "There is no such version"


class VersionRetired(NotFound):
    """The version answers nothing more; its successor does."""

    code = "version_retired"
    title = "The version was retired"


class UnknownRollout(NotFound):
    """There is no rollout with that id, or none is open."""

    code = "unknown_rollout"
    title = "There is no such rollout"


class UnknownSession(NotFound):
    """This tenant has no conversation of that name with the deployment."""

    code = "unknown_session"
    title = "There is no such conversation"


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


class IdempotencyConflict(MainspringError):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_conflict"
    title = "This Idempotency-Key was used with another body"


class Conflict(MainspringError):
    """The thing exists already in another form."""

    code = "conflict"
    title = "That contradicts what exists already"


class ModelRefused(MainspringError):
    """The model cannot be registered; the detail says why."""

    code = "model_refused"
    title = "The model was refused"


class IllegalTransition(MainspringError):
    """A version cannot go from its stage to that one."""

    code = "illegal_transition"
    title = "A version cannot make that step"


class EngineFailed(MainspringError):
    """The engine died or hung while it held the request; another attempt is made."""

    code = "engine_failed"
    title = "The engine failed while it held the request"
    retryable = True


class EngineStopping(EngineFailed):
    """The engine is being stopped and takes nothing new; the job goes back to its queue."""

    code = "engine_stopping"
    title = "The engine is stopping"


class DeadlinePassed(MainspringError):
    """The job's own deadline came before its answer."""

    code = "deadline_passed"
    title = "The deadline has passed"


class NotFinite(MainspringError):
    """The model computed infinity or nothing at all (NaN), which is no answer."""

    code = "not_finite"
    title = "The model answered with numbers that are not finite"


class AttemptsExhausted(MainspringError):
    """The workers that held this job died under it, each time."""

    code = "attempts_exhausted"
    title = "The job's worker died under it too often"


class Cancelled(MainspringError):
    """The request was cancelled."""

    code = "cancelled"
    title = "The job was cancelled"


class BadDeclaration(MainspringError):
    """A file of deployments that says what cannot be; `field` names the file and the line."""

    code = "bad_declaration"
    title = "The file cannot be applied"


class StackError(MainspringError):
    """The embedded stack cannot start or go on; the remedy says what to do."""

    code = "stack"
    title = "The embedded stack has a problem"
