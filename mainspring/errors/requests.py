"""What a caller can mend: a field, a body, a contradiction."""

from mainspring.errors.root import MainspringError


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


class IdempotencyConflict(MainspringError):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_conflict"
    title = "This Idempotency-Key was used with another body"


class Conflict(MainspringError):
    """The thing exists already in another form."""

    code = "conflict"
    title = "That contradicts what exists already"


class IllegalTransition(MainspringError):
    """A version cannot go from its stage to that one."""

    code = "illegal_transition"
    title = "A version cannot make that step"


class BadDeclaration(MainspringError):
    """A file of deployments that says what cannot be; `field` names the file and the line."""

    code = "bad_declaration"
    title = "The file cannot be applied"
