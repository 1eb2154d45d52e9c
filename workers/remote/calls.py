"""The requests to a server that are no answers: is it well, what does it serve, how long is this prompt."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import orjson

from mainspring.errors import ModelRefused
from mainspring.serving.engine import EngineRequest
from workers.remote import wire

SECONDS = 5.0  # for an answer to any of them
_LOOK_SECONDS = 0.1
_TEMPLATE_TOKENS = 512  # more than a chat template adds to its messages
_CONTEXT = re.compile(r"context length (?:is |\()(\d+)")
_PROMPT = re.compile(r"(?:contains (?:at least )?|[Ii]nput \(|Input length \()(\d+)")
_SALTED = "vllm"  # as it says who owns a model


@dataclass(frozen=True)
class Served:
    """`context`: tokens that it reads and writes in all; None where the server does not say.

    `salted`: what it keeps of prompts can be kept apart, by `cache_salt`.
    """

    name: str
    context: int | None = None
    salted: bool = False


def headers(key: str) -> dict[str, str]:
    return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})


def is_well(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=SECONDS, trust_env=False).is_success
    except httpx.HTTPError:
        return False


async def looks_well(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/health", timeout=SECONDS)).is_success
    except httpx.HTTPError:
        return False


def wait_until_well(url: str, seconds: float, *, given_up: Callable[[], bool] = lambda: False) -> bool:
    """False: it was not in time, or `given_up`."""
    end = monotonic() + seconds
    while not given_up():
        if is_well(url):
            return True
        if monotonic() > end:
            return False
        sleep(_LOOK_SECONDS)
    return False


def served(url: str, key: str, folder: Path) -> Served:
    """Under which name the server serves just this folder. Raises ModelRefused.

    A folder of the store is named after its content, so a name that ends with it proves the weights.
    """
    try:
        found = httpx.get(f"{url}/v1/models", timeout=SECONDS, headers=headers(key), trust_env=False)
        models: list[dict[str, Any]] = found.raise_for_status().json()["data"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        if isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (401, 403):
            raise ModelRefused(
                "the inference server wants another key",
                remedy="Set MAINSPRING_ENGINE_KEY to the server's key.",
            ) from None
        raise ModelRefused(
            f"the inference server does not say what it serves ({type(error).__name__})",
            remedy="Check that the engine's address is that of an OpenAI-shaped server, without /v1.",
        ) from error
    for model in models:
        if folder.name in (Path(str(model.get(name) or "")).name for name in ("id", "root")):
            return Served(str(model["id"]), model.get("max_model_len"), model.get("owned_by") == _SALTED)
    raise ModelRefused(
        "the inference server does not serve this version",
        remedy=f"Start it on the folder {folder}, or serve the same files under the name {folder.name}.",
    )


@dataclass(frozen=True)
class Asking:
    """What the engine asks of a server on the way to an answer."""

    client: httpx.AsyncClient
    url: str
    served: Served

    async def check_length(self, request: EngineRequest) -> None:
        """Raises PromptTooLong. vLLM writes less than was asked for rather than refuse, so what may be near the
        limit is counted first; a token is at least a byte, so most is known to be far from it.
        """
        asked, context = request.parameters.get("max_tokens"), self.served.context
        if asked is None or (context and _bytes(request.input) + _TEMPLATE_TOKENS + asked <= context):
            return
        lengths = await self._measured(request)
        if lengths is not None and lengths[1] - lengths[0] < asked:
            raise wire.too_long(lengths[0], asked, lengths[1])

    async def room(self, request: EngineRequest, answer: bytes) -> int:
        """How many tokens may be written where the server has refused to write as many as it was told to.

        `answer`: what it said. Raises PromptTooLong when there is no room for those that were asked for,
        InvalidRequest when length was not the reason.
        """
        said = message(answer)
        lengths = await self._measured(request) or _said(said)
        asked = request.parameters.get("max_tokens")
        if lengths is None or lengths[0] == 0:
            raise wire.refused(request, said)
        prompt, context = lengths
        if context - prompt < (asked or 1):
            raise wire.too_long(prompt, asked, context)
        if asked is not None or context - prompt >= wire.DEFAULT_MAX_TOKENS:
            raise wire.refused(request, said)
        return context - prompt

    async def _measured(self, request: EngineRequest) -> tuple[int, int] | None:
        """Tokens of the prompt and of the context; None where the server cannot say."""
        content = orjson.dumps(wire.given(request.input, self.served.name))
        try:
            found = await self.client.post(f"{self.url}/tokenize", content=content)
            said = found.raise_for_status().json()
            return int(said["count"]), int(said["max_model_len"])
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError):
            return None


def _bytes(given: Any) -> int:
    texts = [given] if isinstance(given, str) else [m["role"] + m["content"] for m in given["messages"]]
    return sum(len(text.encode()) for text in texts)


def _said(message: str) -> tuple[int, int] | None:
    """The same, read from the refusal: the prompt's length may then be a lower bound."""
    prompt, context = _PROMPT.search(message), _CONTEXT.search(message)
    return (int(prompt[1]), int(context[1])) if prompt and context else None


def message(answer: bytes) -> str:
    """The server's own words. They may quote the prompt: not for logs, nor for errors."""
    try:
        said = orjson.loads(answer)
        return str((said.get("error") or said)["message"])
    except (ValueError, KeyError, AttributeError, TypeError):
        return ""
