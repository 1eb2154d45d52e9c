"""How an evaluation can end otherwise than with results."""

from mainspring.errors import MainspringError


class EvaluationFailed(MainspringError):
    """It could not be measured; the detail says why."""

    code = "evaluation_failed"
    title = "The evaluation failed"
