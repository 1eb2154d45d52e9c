"""A small stand-in for an OpenAI-shaped inference server, in a process of its own: run as `vllm serve FOLDER` is.

Its answers are a function of prompt, seed and position. `POST /stand-in` tells it how to misbehave, `GET` says
what it does. It knows nothing of the engine that it tests, and imports nothing of ours.
"""

import argparse
import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.auto import AutoHTTPProtocol

CONTEXT = 128
# Characters that end a line for some readers, that JSON may hold raw, and one that PostgreSQL cannot hold.
WORDS = [
    " watch",
    " winds",
    " the",
    " spring",
    " down",
    " 時計",
    " é🕰",
    "\u2028next",
    "\u0085",
    "\n",
    " \0",
    " a",
]


@dataclass
class Behaviour:
    """`held`: answers stand still. `cut`: answers whose reader went away. `say`: an event sent
    instead of the next. `asked`: the last request's parameters. `clamps`: writes as much as there is room for, as vLLM does,
    instead of refusing. `counted`: how often it counted tokens. `busy`: so many requests are sent away with `status`
    and `retry_after`. `trace`: the last request's trace context. `closes`: of so many requests the connection is closed without a word. `templated`: whether it knows how to write messages down."""

    name: str
    key: str = ""
    held: bool = False
    healthy: bool = True
    tokenizes: bool = True
    clamps: bool = True
    counted: int = 0
    say: str = ""
    busy: int = 0
    status: int = 503
    retry_after: str = ""
    closes: int = 0
    templated: bool = True
    running: int = 0
    cut: int = 0
    asked: dict[str, Any] = field(default_factory=dict)
    trace: list[str | None] = field(default_factory=list)


@dataclass
class Answer:
    """One request's answer, token by token."""

    prompt: str
    body: dict[str, Any]
    chat: bool
    text: str = ""
    sent: int = 0

    @property
    def greedy(self) -> bool:
        body = self.body
        return body["temperature"] == 0 or body["top_k"] == 1 or body["top_p"] < 1e-3

    def token(self, position: int) -> tuple[str, float]:
        seed = 0 if self.greedy else self.body["seed"] + 1
        digest = blake2b(f"{self.prompt}:{seed}:{position}".encode(), digest_size=2).digest()
        return WORDS[digest[0] % len(WORDS)], -0.01 - digest[1] / 256

    def take(self, word: str, *, last: bool) -> tuple[str, bool]:
        """What may be sent now, and whether a stop string was reached."""
        self.text += word
        stops = self.body.get("stop") or []
        ends = [at for stop in stops if (at := self.text.find(stop)) >= 0]
        hold = 0 if last else max((len(stop) - 1 for stop in stops), default=0)
        end = min(ends) if ends else max(self.sent, len(self.text) - hold)
        piece, self.sent = self.text[self.sent : end], end
        return piece, bool(ends)

    def event(self, text: str, logprob: float, finish_reason: str | None) -> str:
        choice: dict[str, Any] = {"index": 0, "finish_reason": finish_reason}
        if self.chat:
            choice |= {
                "delta": {"content": text},
                "logprobs": {"content": [{"token": "", "logprob": logprob}]},
            }
        else:
            choice |= {"text": text, "logprobs": {"token_logprobs": [logprob]}}
        return _event({"choices": [choice], "usage": None})


def tokens(prompt: str) -> int:
    return len(re.findall(r"\S+", prompt))


def prompt_of(body: dict[str, Any]) -> str:
    if "messages" not in body:
        return str(body["prompt"])
    return "".join(f"<{m['role']}>{m['content']}\n" for m in body["messages"]) + "<assistant>"


class StandIn:
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self.app = Starlette(
            routes=[
                Route("/health", self.health),
                Route("/v1/models", self.models),
                Route("/tokenize", self.tokenize, methods=["POST"]),
                Route("/v1/completions", self.answer, methods=["POST"]),
                Route("/v1/chat/completions", self.answer, methods=["POST"]),
                Route("/stand-in", self.control, methods=["GET", "POST"]),
            ]
        )

    async def health(self, _: Request) -> Response:
        return Response(status_code=200 if self._behaviour.healthy else 503)

    async def models(self, request: Request) -> Response:
        if not self._knows(request):
            return _refusal(401, "Unauthorized")
        name = self._behaviour.name
        return JSONResponse(
            {"data": [{"id": name, "owned_by": "vllm", "root": name, "max_model_len": CONTEXT}]}
        )

    async def tokenize(self, request: Request) -> Response:
        if not self._behaviour.tokenizes:
            return _refusal(404, "Not Found")
        self._behaviour.counted += 1
        return JSONResponse({"count": tokens(prompt_of(await request.json())), "max_model_len": CONTEXT})

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            for name, value in (await request.json()).items():
                if name == "die":
                    os._exit(int(value))
                setattr(self._behaviour, name, value)
        told = {name: value for name, value in vars(self._behaviour).items() if name != "key"}
        return JSONResponse({"pid": os.getpid(), **told})

    async def answer(self, request: Request) -> Response:
        if (away := self._sent_away(request)) is not None:
            return away
        body = await request.json()
        if "messages" in body and not self._behaviour.templated:
            return _refusal(400, "You must provide a chat template if the tokenizer does not define one.")
        self._behaviour.asked = {k: v for k, v in body.items() if k not in ("prompt", "messages")}
        self._behaviour.trace = [request.headers.get(name) for name in ("traceparent", "tracestate")]
        prompt = prompt_of(body)
        count, most = tokens(prompt), body["max_tokens"]
        if count == 0:
            return _refusal(400, "the prompt is empty")
        if self._behaviour.clamps and count < CONTEXT:
            body["max_tokens"] = min(most, CONTEXT - count)
        elif count + most > CONTEXT:
            return _refusal(
                400,
                f"This model's maximum context length is {CONTEXT} tokens. However, you requested {most} output "
                f"tokens and your prompt contains {count} input tokens, for a total of {count + most} tokens.",
            )
        made = Answer(prompt, body, chat="messages" in body)
        return StreamingResponse(self.stream(request, made, count), media_type="text/event-stream")

    def _sent_away(self, request: Request) -> Response | None:
        if not self._knows(request):
            return _refusal(401, "Unauthorized")
        if request.headers.get("content-type") != "application/json":
            return _refusal(400, "Unsupported Media Type")
        if not self._behaviour.busy:
            return None
        self._behaviour.busy -= 1
        return Response(None, self._behaviour.status, {"Retry-After": self._behaviour.retry_after})

    def _knows(self, request: Request) -> bool:
        key = self._behaviour.key
        return not key or request.headers.get("authorization") == f"Bearer {key}"

    async def stream(self, request: Request, made: Answer, count: int) -> AsyncIterator[str]:
        self._behaviour.running += 1
        ended = stopped = False
        written, most = 0, made.body["max_tokens"]
        try:
            while not stopped and written < most:
                await self._next(request)
                if self._behaviour.say:
                    yield f"data: {self._behaviour.say}\n\n"
                    return
                word, logprob = made.token(written)
                written += 1
                piece, stopped = made.take(word, last=written == most)
                reason = "stop" if stopped else "length" if written == most else None
                yield made.event(piece, logprob, reason)
            yield _event({"choices": [], "usage": {"prompt_tokens": count, "completion_tokens": written}})
            yield "data: [DONE]\n\n"
            ended = True
        finally:
            self._behaviour.running -= 1
            self._behaviour.cut += not ended

    async def _next(self, request: Request) -> None:
        await asyncio.sleep(0.002)
        while self._behaviour.held and not await request.is_disconnected():  # noqa: ASYNC110  told from outside
            await asyncio.sleep(0.005)


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": "BadRequestError", "code": status}}, status)


def closing(behaviour: Behaviour) -> type[asyncio.Protocol]:
    class Closing(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        def data_received(self, data: bytes) -> None:
            if behaviour.closes and data.startswith(b"POST /v1/"):
                behaviour.closes -= 1
                self.transport.abort()
            else:
                super().data_received(data)

    return Closing


def main() -> None:
    """`folder` may hold a file `refuse`: then it ends at once, as vLLM does on weights that it cannot serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["serve"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    given, _ = parser.parse_known_args()
    if (given.folder / "refuse").exists():
        raise SystemExit("these weights cannot be served")
    behaviour = Behaviour(str(given.folder), key=os.environ.get("VLLM_API_KEY", ""))
    address = {"host": given.host, "port": given.port}
    uvicorn.run(StandIn(behaviour).app, http=closing(behaviour), log_level="warning", **address)


if __name__ == "__main__":
    main()
