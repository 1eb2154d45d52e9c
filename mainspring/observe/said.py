"""How wrong, or disliked, an answer was by what was said of it: from 0 to 1. Pure."""

from typing import Any

from mainspring.tables import FeedbackKind


def loss(kind: str, value: Any, output: Any) -> float | None:
    """A rating goes from -1 to 1; a correction says that it was wrong; a label, whether it is the one that was given.

    None: it says nothing of that, such as a figure of the business, or a label where no label was answered.
    """
    if kind == FeedbackKind.RATING:
        return (1 - float(value)) / 2
    if kind == FeedbackKind.CORRECTION:
        return 1.0
    answered = output.get("label") if isinstance(output, dict) else None
    if kind == FeedbackKind.LABEL and answered is not None:
        return float(str(value).casefold() != str(answered).casefold())
    return None
