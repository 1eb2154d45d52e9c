"""What a record of a file means: a text, a labelled text, a text and its target, a conversation, or two answers to compare."""

from typing import Any

from mainspring.curation.rows import Kind, Message, Origin, Row

ROLES = ("system", "user", "assistant")
_SHAPES = "`messages`, `prompt` and `completion`, `prompt`, `chosen` and `rejected`, or `text`"


def row(record: Any, origin: Origin, source: str, *, basis: str, licence: str | None) -> Row:
    """Raises ValueError, saying what is wrong without a word of the record's text."""
    if not isinstance(record, dict):
        raise ValueError("it is not an object")  # noqa: TRY004  one kind of error for all that is wrong
    own: dict[str, Any] = {
        "origin": origin,
        "source": source,
        "group": _text(record, "group", source),
        "basis": _text(record, "basis", basis),
        "licence": _text(record, "licence", licence or "") or None,
    }
    given = {name for name, value in record.items() if value is not None}
    if "messages" in given:
        return Row(Kind.CHAT, messages=_conversation(record["messages"], ends_with="assistant"), **own)
    if {"prompt", "chosen", "rejected"} <= given:
        chosen, rejected = _answer(record, "chosen"), _answer(record, "rejected")
        if chosen == rejected:
            raise ValueError("`chosen` and `rejected` are the same")
        return Row(
            Kind.PREFERENCE, messages=_asked(record["prompt"]), chosen=chosen, rejected=rejected, **own
        )
    if {"prompt", "completion"} <= given:
        messages = (*_asked(record["prompt"]), Message("assistant", _answer(record, "completion")))
        return Row(Kind.CHAT, messages=messages, **own)
    if "text" in given:
        return _of_text(record, given, own)
    raise ValueError(f"it has none of {_SHAPES}")


def _of_text(record: dict[str, Any], given: set[str], own: dict[str, Any]) -> Row:
    text, heading = _needed(record, "text"), _text(record, "heading", "")
    if "label" in given:
        label = record["label"]
        if not isinstance(label, str | int) or isinstance(label, bool) or not str(label).strip():
            raise ValueError("`label` is neither a string nor a whole number")
        return Row(Kind.LABELLED, text=text, label=str(label).strip(), **own)
    target = _needed(record, "target") if "target" in given else None
    return Row(Kind.TEXT, text=text, heading=heading, target=target, **own)


def _conversation(given: Any, *, ends_with: str) -> tuple[Message, ...]:
    if not isinstance(given, list) or not given:
        raise ValueError("`messages` is not a list of messages")
    for one in given:
        if not isinstance(one, dict) or one.get("role") not in ROLES:
            raise ValueError(f"a message's `role` is none of {', '.join(ROLES)}")
        if not isinstance(one.get("content"), str) or not one["content"].strip():
            raise ValueError("a message's `content` is no text, or empty")
    if given[-1]["role"] != ends_with:
        raise ValueError(f"its last message is not the {ends_with}'s")
    return tuple(Message(one["role"], one["content"]) for one in given)


def _asked(prompt: Any) -> tuple[Message, ...]:
    if isinstance(prompt, list):
        return _conversation(prompt, ends_with="user")
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError("`prompt` is no text, or empty")
    return (Message("user", prompt),)


def _answer(record: dict[str, Any], name: str) -> str:
    """Also as a list of one message of the assistant, as some data sets have it."""
    given = record[name]
    if isinstance(given, list):
        return _conversation(given, ends_with="assistant")[-1].content
    return _needed(record, name)


def _needed(record: dict[str, Any], name: str) -> str:
    value = record[name]
    if not isinstance(value, str):
        raise ValueError(f"`{name}` is no string")  # noqa: TRY004  one kind of error for all that is wrong
    if not value.strip():
        raise ValueError(f"`{name}` is empty")
    return value


def _text(record: dict[str, Any], name: str, otherwise: str) -> str:
    value = record.get(name)
    if value is None:
        return otherwise
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError(f"`{name}` is no string")  # noqa: TRY004
    return str(value)
