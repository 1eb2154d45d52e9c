"""Submissions that are wrong, each with the status, the code and the field of its refusal."""

import json
from typing import Any

from mainspring.tables import Task

NAMES = {
    Task.TEXT_GENERATION: "assistant",
    Task.TEXT_CLASSIFICATION: "triage",
    Task.TOKEN_CLASSIFICATION: "entities",
    Task.FILL_MASK: "mask",
    Task.QUESTION_ANSWERING: "reader",
    Task.FEATURE_EXTRACTION: "embedder",
    Task.TRANSLATION: "translator",
    Task.SUMMARIZATION: "digest",
}


def job(**more: Any) -> str:
    return json.dumps({"deployment": "assistant", "input": "x", **more})


def asks(name: str, given: Any, **parameters: Any) -> str:
    more = {"parameters": parameters} if parameters else {}
    return json.dumps({"deployment": name, "input": given, **more})


NO_FIELD = None
BODIES: dict[str, tuple[str | bytes, int, str, str | None]] = {
    "nothing": ("", 400, "malformed_json", "body"),
    "half an object": ('{"deployment": "assistant",\n "input"', 400, "malformed_json", "body"),
    "not UTF-8": (b'{"deployment": "\xff\xfe"}', 400, "malformed_json", "body"),
    "UTF-16": (job().encode("utf-16"), 400, "malformed_json", "body"),
    "nested a little too deep": (
        asks("assistant", json.loads("[" * 70 + "]" * 70)),
        400,
        "malformed_json",
        "body",
    ),
    "nested for ever": ('{"input":' + "[" * 200_000, 400, "malformed_json", "body"),
    "a number without end": ('{"input": ' + "9" * 5000 + "}", 400, "malformed_json", "body"),
    "a list": ("[]", 422, "invalid_request", "body"),
    "null": ("null", 422, "invalid_request", "body"),
    "a number": ("7", 422, "invalid_request", "body"),
    "10 MB": (asks("assistant", "x" * 10_000_000), 413, "body_too_large", "body"),
    "no deployment": ('{"input": "x"}', 422, "invalid_request", "deployment"),
    "no input": ('{"deployment": "assistant"}', 422, "invalid_request", "input"),
    "unknown deployment": (asks("nobody", "x"), 404, "unknown_deployment", "deployment"),
    "a deployment's name without end": (asks("a" * 90_000, "x"), 404, "unknown_deployment", "deployment"),
    "deployment of a wrong type": (asks(7, "x"), 422, "invalid_request", "deployment"),  # type: ignore[arg-type]
    "NUL in the deployment": (asks("a\0", "x"), 422, "invalid_text", "deployment"),
    "surrogate in the deployment": (asks("a\ud800", "x"), 422, "invalid_text", "deployment"),
    "NUL in the input": (asks("assistant", "a\0b"), 422, "invalid_text", "input"),
    "surrogate in the input": (asks("assistant", "a\udfff"), 422, "invalid_text", "input"),
    "surrogate in a list": (asks("triage", ["a", "\ud800"]), 422, "invalid_text", "input.1"),
    "surrogate in a message": (
        asks("assistant", {"messages": [{"role": "user", "content": "\ud83d"}]}),
        422,
        "invalid_text",
        "input.messages.0.content",
    ),
    "NUL in a name": (job(**{"a\0": 1}), 422, "invalid_text", "body"),
    "surrogate in a name": (job(**{"a\udc00": 1}), 422, "invalid_text", "body"),
    "NUL in a parameter": (job(parameters={"stop": ["\0"]}), 422, "invalid_text", "parameters.stop.0"),
    "NUL in a parameter's name": (job(parameters={"\0": 1}), 422, "invalid_text", "parameters"),
    "NUL in metadata": (job(metadata={"a": "\0"}), 422, "invalid_text", "metadata.a"),
    "surrogate in a metadata name": (job(metadata={"\ud800": "a"}), 422, "invalid_text", "metadata"),
    "metadata of numbers": (job(metadata={"a": 1}), 422, "invalid_request", "metadata.a"),
    "metadata as a list": (job(metadata=[]), 422, "invalid_request", "metadata"),
    "metadata without end": (
        job(metadata={str(n): "" for n in range(17)}),
        422,
        "invalid_request",
        "metadata",
    ),
    "negative max_tokens": (
        job(parameters={"max_tokens": -1}),
        422,
        "invalid_request",
        "parameters.max_tokens",
    ),
    "max_tokens as text": (
        job(parameters={"max_tokens": "9"}),
        422,
        "invalid_request",
        "parameters.max_tokens",
    ),
    "a huge seed": (job(parameters={"seed": 2**80}), 422, "invalid_request", "parameters.seed"),
    "temperature NaN": (
        job(parameters={"temperature": float("nan")}),
        422,
        "invalid_request",
        "parameters.temperature",
    ),
    "temperature without end": (
        '{"deployment": "assistant", "input": "x", "parameters": {"temperature": 1e999}}',
        422,
        "invalid_request",
        "parameters.temperature",
    ),
    "parameters as a list": (job(parameters=[]), 422, "invalid_request", "parameters"),
    "parameters null": (job(parameters=None), 422, "invalid_request", "parameters"),
    "an unknown parameter": (job(parameters={"warmth": 1}), 422, "unknown_parameter", "parameters.warmth"),
    "an unknown field": (job(nonsense=1), 422, "unknown_parameter", "nonsense"),
    "no such priority": (job(priority="urgent"), 422, "invalid_request", "priority"),
    "a priority of a wrong type": (job(priority=1), 422, "invalid_request", "priority"),
    "a deadline in the past": (job(deadline_seconds=-1), 422, "invalid_request", "deadline_seconds"),
    "a deadline of NaN": (job(deadline_seconds=float("nan")), 422, "invalid_request", "deadline_seconds"),
    "a session without a name": (job(session=""), 422, "invalid_request", "session"),
    "a session with NUL": (job(session="a\0"), 422, "invalid_text", "session"),
    "a webhook of another scheme": (
        job(webhook={"url": "file:///etc"}),
        422,
        "invalid_request",
        "webhook.url",
    ),
    "a webhook as text": (job(webhook="https://a.example"), 422, "invalid_request", "webhook"),
    "a subject without end": (job(subject="a" * 200), 422, "invalid_request", "subject"),
    "a parameter of another task": (
        json.dumps({"deployment": "triage", "input": "x", "parameters": {"temperature": 1}}),
        422,
        "unknown_parameter",
        "parameters.temperature",
    ),
    "too many beams": (
        asks("digest", "x", num_beams=9),
        422,
        "invalid_request",
        "parameters.num_beams",
    ),
    "no beam": (asks("translator", "x", num_beams=0), 422, "invalid_request", "parameters.num_beams"),
    "a language that is no code": (
        asks("translator", "x", target_language="de DE"),
        422,
        "invalid_request",
        "parameters.target_language",
    ),
    "a language for a summary": (
        asks("digest", "x", target_language="de"),
        422,
        "unknown_parameter",
        "parameters.target_language",
    ),
    "empty text": (asks("assistant", ""), 422, "invalid_request", "input"),
    "blank text": (asks("embedder", " \n"), 422, "invalid_request", "input"),
    "an empty list": (asks("embedder", []), 422, "invalid_request", "input"),
    "an empty text in a list": (asks("embedder", ["a", ""]), 422, "invalid_request", "input.1"),
    "too many texts": (asks("embedder", ["a"] * 257), 422, "invalid_request", "input"),
    "no messages": (asks("assistant", {"messages": []}), 422, "invalid_request", "input.messages"),
    "a message of nobody": (
        asks("assistant", {"messages": [{"role": "nobody", "content": "x"}]}),
        422,
        "invalid_request",
        "input.messages.0.role",
    ),
    "a question without context": (
        asks("reader", {"question": "x"}),
        422,
        "invalid_request",
        "input.context",
    ),
}
WRONG_TYPES = [
    (name, given)
    for name, usable in {
        "assistant": (str, dict),
        "triage": (str, list),
        "entities": (str, list),
        "mask": (str, list),
        "reader": (dict,),
        "embedder": (str, list),
        "translator": (str, list),
        "digest": (str, list),
    }.items()
    for given in (None, True, 7, 0.5, "text", ["text"], {"messages": [{"role": "user", "content": "x"}]})
    if not isinstance(given, usable)
]
