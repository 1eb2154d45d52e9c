"""A client of OpenAI-shaped servers: so many threads, each with a connection and one request at a time.

Standard library alone: this file runs in the environments of others.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from queue import SimpleQueue
from threading import local
from typing import Any

from benchmarks.contestants.child import Round

NEW_TOKENS = 64


class Client:
    """`tokens` of an answer are what the server says, else what was asked for."""

    def __init__(self, port: int, model: str, in_flight: int, **more: Any) -> None:
        self._port, self._model, self._more = port, model, more
        self._threads = ThreadPoolExecutor(in_flight)

    def round(self, asked: Round) -> dict[str, Any]:
        firsts: SimpleQueue[float] = SimpleQueue()

        def answered(prompt: str) -> int:
            return self._streamed(prompt, firsts) if asked.stream else self._whole(prompt)

        self._mine = local()  # new connections: those of the last round may have been closed meanwhile
        begin = time.perf_counter()
        tokens = sum(self._threads.map(answered, asked.prompts))
        seconds = time.perf_counter() - begin
        return {
            "seconds": seconds,
            "tokens": tokens,
            "first_tokens": [firsts.get() for _ in range(firsts.qsize())],
        }

    def _whole(self, prompt: str) -> int:
        answer = json.loads(self._post(prompt, stream=False).read())
        return int(answer["usage"]["completion_tokens"])

    def _streamed(self, prompt: str, firsts: "SimpleQueue[float]") -> int:
        begin = time.perf_counter()
        for number, _ in enumerate(_pieces(self._post(prompt, stream=True))):
            if number == 0:
                firsts.put(time.perf_counter() - begin)
        return NEW_TOKENS

    def _post(self, prompt: str, *, stream: bool) -> HTTPResponse:
        body = {"model": self._model, "prompt": prompt, "max_tokens": NEW_TOKENS, "temperature": 0}
        body |= self._more | {"stream": stream}
        if not hasattr(self._mine, "connection"):
            self._mine.connection = HTTPConnection("127.0.0.1", self._port, timeout=600)
        connection: HTTPConnection = self._mine.connection
        connection.request("POST", "/v1/completions", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {answer.read()[:500]!r}")
        return answer


def _pieces(answer: HTTPResponse) -> Iterator[str]:
    """The texts of a stream of server-sent events."""
    for line in answer:
        if line.startswith(b"data: {"):
            for choice in json.loads(line[6:]).get("choices", []):
                if choice.get("text"):
                    yield choice["text"]
