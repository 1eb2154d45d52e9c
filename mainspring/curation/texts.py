"""The texts of a row: all of them changed alike, or cut into what is asked and what is answered."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mainspring.curation.rows import Kind, Message, Row


def mapped(row: Row, change: Callable[[str], str]) -> Row:
    """With every text of it changed; the same row if none was. A label is no text."""
    messages = tuple(Message(one.role, change(one.content)) for one in row.messages)
    new: dict[str, Any] = {
        name: change(value) for name in ("text", "heading") if (value := getattr(row, name))
    }
    for name in ("target", "chosen", "rejected"):
        if (value := getattr(row, name)) is not None:
            new[name] = change(value)
    if messages == row.messages and all(getattr(row, name) == value for name, value in new.items()):
        return row
    return replace(row, messages=messages, **new)


def parts(row: Row) -> tuple[str, ...]:
    """What is asked, then each answer: rows are alike if each of these is. What the system is told is none of them."""
    if row.kind is Kind.CHAT:
        return _spoken(row.messages[:-1]), row.messages[-1].content
    if row.kind is Kind.PREFERENCE:
        return _spoken(row.messages), row.chosen or "", row.rejected or ""
    asked = f"{row.heading}\n{row.text}" if row.heading else row.text
    return (asked,) if row.target is None else (asked, row.target)


def _spoken(messages: tuple[Message, ...]) -> str:
    return "\n".join(one.content for one in messages if one.role != "system")
