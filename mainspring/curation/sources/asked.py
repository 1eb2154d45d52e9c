"""What a job asked and answered, as rows have it, and with whom it belongs together. Pure."""

import hashlib
from typing import Any

from mainspring.curation.rows import Message


def conversation(given: Any) -> tuple[Message, ...]:
    """Of an input: what was asked, up to the answer. Empty: no single answer belongs to it, as to a list of texts."""
    if isinstance(given, str):
        return (Message("user", given),)
    if isinstance(given, dict) and "messages" in given:
        return tuple(Message(one["role"], one["content"]) for one in given["messages"])
    if isinstance(given, dict) and "question" in given:
        return (Message("user", f"{given['question']}\n\n{given.get('context', '')}".strip()),)
    return ()


def said_by_people(given: Any) -> list[str]:
    """The texts of an input that its asker wrote: of a conversation the newest alone, those before were jobs of their own."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, list):
        return [text for text in given if isinstance(text, str)]
    users = [one.content for one in conversation(given) if one.role == "user"]
    return users[-1:]


def answer(output: Any) -> str | None:
    """The text of an output; None: it is a label, a vector or several."""
    if not isinstance(output, dict):
        return None
    text = output.get("text", output.get("answer"))
    return text if isinstance(text, str) and text.strip() else None


def label(output: Any) -> str | None:
    """None: it has none, or several."""
    given = output.get("label") if isinstance(output, dict) else None
    return given if isinstance(given, str) else None


def group(job: Any) -> str:
    """What is about the same person belongs together, else the same conversation, else it stands for itself."""
    if job.subject is not None:
        return f"subject:{hashlib.sha256(job.subject.encode()).hexdigest()[:32]}"
    return f"session:{job.session_id}" if job.session_id is not None else f"job:{job.id}"
