"""A request in the words of an OpenAI-shaped server, and what comes back on its stream. Pure: no connection here."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from mainspring.errors import EngineFailed, InvalidRequest, PromptTooLong
from mainspring.serving.engine import EngineRequest

DEFAULT_MAX_TOKENS = 256  # as the engines of this process have it
_COLDEST = 1e-4  # below it, dividing by the temperature overflows: greedy is what was meant
_HALF = "\ufffd"
_DONE = b"[DONE]"
_DATA = b"data:"
_TEMPLATE = "chat template"


@dataclass(frozen=True)
class Chunk:
    """What one event of the stream adds. `logprobs` has one number a new token."""

    text: str = ""
    logprobs: list[float] = field(default_factory=list)
    finish_reason: str | None = None
    usage: dict[str, int] | None = None


def path(body: dict[str, Any]) -> str:
    return "/v1/chat/completions" if "messages" in body else "/v1/completions"


def body(request: EngineRequest, model: str, *, salted: bool = False) -> dict[str, Any]:
    """Every parameter is said, so that the server's own defaults decide nothing.

    Without a temperature: greedy, unless top_p or top_k ask for sampling, then 1. `salted`: the server can be told in
    whose cache to look for how the prompt begins.
    """
    asked = request.parameters
    temperature = float(asked.get("temperature", 1.0 if "top_p" in asked or "top_k" in asked else 0.0))
    return given(request.input, model) | {
        "max_tokens": int(asked.get("max_tokens", DEFAULT_MAX_TOKENS)),
        "temperature": temperature if temperature >= _COLDEST else 0.0,
        "top_p": float(asked.get("top_p", 1.0)),
        "top_k": int(asked.get("top_k", 0)),
        "seed": int(asked.get("seed", request.seed)),
        "stop": list(asked.get("stop", [])),
        "logprobs": isinstance(request.input, dict) or 1,
        "stream": True,
        "stream_options": {"include_usage": True},
        **({"cache_salt": request.scope} if salted and request.scope else {}),
    }


def given(what: Any, model: str) -> dict[str, Any]:
    """The prompt or the messages, as both the completions and the tokenizer take them."""
    return {"model": model} | ({"messages": what["messages"]} if isinstance(what, dict) else {"prompt": what})


def as_text(request: EngineRequest, message: str) -> EngineRequest | None:
    """The same without messages, where the server has no chat template for them and the job's own input was text."""
    given = request.input
    if not isinstance(given, dict) or "as_text" not in given or _TEMPLATE not in message:
        return None
    return replace(request, input=given["as_text"])


class Events:
    """Bytes go in; the data of whole server-sent events come out.

    Lines end at a line feed only: an answer may hold any other character that Unicode takes for a line's end.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.done = False

    def push(self, data: bytes) -> Iterator[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            event = line.removeprefix(_DATA).strip() if line.startswith(_DATA) else b""
            if event == _DONE:
                self.done = True
            elif event:
                yield event


def chunk(event: bytes) -> Chunk:
    """Raises EngineFailed when the server reports a failure, ValueError for what is not JSON."""
    read = orjson.loads(event)
    if "error" in read:
        raise EngineFailed("the inference server failed while it answered")
    choice: dict[str, Any] = next(iter(read.get("choices") or []), {})
    text = choice.get("text") or (choice.get("delta") or {}).get("content") or ""
    return Chunk(
        text=text.replace("\0", _HALF),  # PostgreSQL and many readers cannot hold NUL
        logprobs=_logprobs(choice.get("logprobs") or {}),
        finish_reason=choice.get("finish_reason"),
        usage=_usage(read.get("usage")),
    )


def too_long(prompt: int, asked: int | None, context: int) -> PromptTooLong:
    """In the same words as the engines of this process."""
    room = context - prompt
    wanted = "" if asked is None else f" and {asked} more were asked for"
    return PromptTooLong(
        f"the prompt has {prompt} tokens{wanted}; the version reads and writes {context} in all",
        field="input" if room < 1 else "parameters.max_tokens",
        remedy="Send a shorter prompt." if room < 1 else f"Ask for at most {room} tokens, or send less.",
    )


def refused(request: EngineRequest, message: str) -> InvalidRequest:
    """For a reason other than length. The server's own words may quote the prompt: they stay here."""
    if not isinstance(request.input, dict):
        return InvalidRequest(
            "the version cannot read this prompt",
            field="input",
            remedy="Send at least one visible character.",
        )
    if _TEMPLATE in message:
        return InvalidRequest(
            "this version has no chat template, so it cannot read messages",
            field="input",
            remedy="Send the prompt as one string, or deploy a version whose tokenizer has a chat template.",
        )
    return InvalidRequest(
        "the version's chat template does not accept these messages",
        field="input.messages",
        remedy="Let user and assistant take turns, begin and end with the user, or leave out the system message.",
    )


def _logprobs(given: dict[str, Any]) -> list[float]:
    found = given.get("token_logprobs") or [token["logprob"] for token in given.get("content") or []]
    return [float(number) for number in found if number is not None]


def _usage(given: dict[str, Any] | None) -> dict[str, int] | None:
    if not given:
        return None
    return {name: int(given.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")}
