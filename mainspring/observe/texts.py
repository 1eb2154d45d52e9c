"""What was asked and what was answered, as one text each: of a conversation the newest words alone."""

from typing import Any

from mainspring.terms import Task

MOST = 4096  # characters: a text's subject shows in its beginning, and its cost is bounded

_WRITES = {Task.TEXT_GENERATION, Task.TRANSLATION, Task.SUMMARIZATION}


def asked(given: Any) -> str:
    """Of an input as serving/inputs.py lets it pass. What was said before in a conversation was looked at then."""
    if isinstance(given, dict):
        if "messages" in given:
            return _newest(given["messages"])
        return f"{given.get('question', '')}\n{given.get('context', '')}"[:MOST]
    return _joined(given)


def answered(task: Task, output: Any) -> str | None:
    """None: the answer is a label, a vector or a place in the text, and not a text of its own."""
    if task not in _WRITES or output is None:
        return None
    return _joined([one.get("text", "") for one in (output if isinstance(output, list) else [output])])


def _newest(messages: list[dict[str, str]]) -> str:
    spoken = [one["content"] for one in messages if one["role"] == "user"] or [messages[-1]["content"]]
    return spoken[-1][:MOST]


def _joined(given: Any) -> str:
    return ("\n".join(given) if isinstance(given, list) else str(given))[:MOST]
