"""The engine of causal models that another process runs: one HTTP stream a request, on one thread's event loop."""

import asyncio
import contextlib
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, Protocol

import httpx
import orjson

from mainspring.errors import Cancelled, EngineFailed, EngineStopping, MainspringError
from mainspring.logs import log
from mainspring.serving.engine import EngineAnswer, EngineRequest, Health, OnText
from workers.gpu.ledger import Ledger, Writing, running_future, stop_reason
from workers.remote import calls, wire
from workers.remote.patience import BUSY, Busy, Patience

CAPACITY = 64
_LOOK_SECONDS = 0.5  # between two looks at the server's health
_MISSES = 3  # looks in a row that found it ill, until it counts as dead
_IDLE_CONNECTION_SECONDS = 2.0  # less than servers keep one: a request on a closed one would seem a death
_STOP_SECONDS = 5.0
_NOTICE_SECONDS = 0.3  # until whoever watches the server must have seen its death
_REFUSALS = (400, 413, 422)
_AWAY = (httpx.ConnectError, httpx.ConnectTimeout)


class Server(Protocol):
    """Where the server is now. `coming`: it is away, but is being started again."""

    @property
    def url(self) -> str: ...

    @property
    def key(self) -> str: ...

    @property
    def coming(self) -> bool: ...

    def stop(self) -> None: ...


@dataclass
class Streaming(Writing):
    """What has come of one request's answer so far."""

    task: "Future[None] | None" = None
    texts: list[str] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish_reason: str | None = None
    usage: dict[str, int] | None = None


class HttpEngine:
    """It owns the server: both stop together.

    `hang_seconds`: without progress for so long, what is held counts as hung when the engine is stopped; told for
    so long that the server is busy, a request is handed back.
    """

    name = "http"
    capacity = CAPACITY
    plan = None

    def __init__(self, server: Server, served: calls.Served, *, hang_seconds: float = 60.0) -> None:
        self._server, self._served, self._hang_seconds = server, served, hang_seconds
        self._ledger: Ledger[Streaming] = Ledger()
        self._started, self._stopping = Event(), False
        self._waiting: set[str] = set()  # ids of what no server holds at the moment
        self._ill: str | None = None  # the address that was found dead; started again, it has another
        self._thread = Thread(target=lambda: asyncio.run(self._serve()), name="http-engine", daemon=True)
        self._thread.start()
        self._started.wait()

    def submit(self, request: EngineRequest, on_text: OnText | None = None) -> Future[EngineAnswer]:
        entry = Streaming(request, on_text, running_future())
        try:
            self._ledger.admit(entry)
        except MainspringError as error:
            entry.fail(error)
            return entry.future
        answering = self._answer(entry)
        try:
            entry.task = asyncio.run_coroutine_threadsafe(answering, self._loop)
        except RuntimeError:  # the loop was closed since
            answering.close()
            self._fail(entry, EngineStopping("the engine is being stopped"))
            return entry.future
        if not self._ledger.holds(entry):
            entry.task.cancel()  # cancelled before it had a task
        return entry.future

    def cancel(self, request_id: str) -> None:
        entry = self._ledger.take(request_id)
        if entry is not None:
            if entry.task is not None:
                entry.task.cancel()
            entry.fail(Cancelled("the request was cancelled"))

    def stop(self, drain_seconds: float = 0.0) -> None:
        self._ledger.drain(drain_seconds)
        health = self.health()
        self._stopping = True
        for request_id in list(self._waiting):
            if (entry := self._ledger.take(request_id)) is not None:
                entry.fail(EngineStopping("the engine is being stopped"))
        self._ledger.fail_all(
            stop_reason(hung=health.idle_seconds >= self._hang_seconds, died=not health.alive)
        )
        with contextlib.suppress(RuntimeError):  # stopped before
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_STOP_SECONDS)
        self._server.stop()

    def health(self) -> Health:
        well = self._ill != self._server.url or self._server.coming
        return self._ledger.health(alive=self._thread.is_alive() and not self._stopping and well)

    async def _serve(self) -> None:
        """The loop's life. Its end closes every connection, and so stops what the server still writes for us."""
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._client = httpx.AsyncClient(
            headers=calls.headers(self._server.key),
            timeout=httpx.Timeout(None, connect=5.0),
            limits=httpx.Limits(keepalive_expiry=_IDLE_CONNECTION_SECONDS),
            trust_env=False,
        )
        async with self._client:
            looking = asyncio.create_task(self._look())
            self._started.set()
            await self._end.wait()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.wait(others or {looking}, timeout=_STOP_SECONDS / 2)

    async def _look(self) -> None:
        missed = 0
        while True:
            url = self._server.url
            missed = 0 if await calls.looks_well(self._client, url) else missed + 1
            self._ill = url if missed >= _MISSES else None
            await asyncio.sleep(_LOOK_SECONDS)

    async def _answer(self, entry: Streaming) -> None:
        try:
            await self._connected(entry)
        except MainspringError as error:
            self._fail(entry, error)
        except _AWAY:
            # It never held the request, so this is not held against the request.
            self._fail(entry, EngineStopping("the inference server is away"))
        except httpx.HTTPError as error:
            log.warning("engine.server_died", engine=self.name, cause=type(error).__name__)
            self._fail(entry, EngineFailed("the inference server died while it held the request"))
        except Exception as error:  # noqa: BLE001  a listener's or a server's fault ends its own request, not the others
            log.error("engine.request_failed", engine=self.name, cause=type(error).__name__)
            self._fail(entry, EngineFailed("the engine could not write down the answer"))

    async def _connected(self, entry: Streaming) -> None:
        """Ask; but while the server is busy or is being started again, wait: its word and its start are progress."""
        patience, lost = Patience(self._hang_seconds), False
        while True:
            while self._server.coming:
                await self._wait(entry, 0.1)
            try:
                return await self._ask(entry, entry.request)
            except Busy as busy:
                await self._wait(entry, patience.pause(busy))
            except httpx.HTTPError as error:
                # What fails in the same moment must not be sent at once to what is left of a dead server.
                await asyncio.sleep(_NOTICE_SECONDS)
                if isinstance(error, _AWAY) and self._server.coming:
                    continue
                if lost or not await self._unheard(entry):
                    raise
                lost = True

    async def _unheard(self, entry: Streaming) -> bool:
        """Whether a server that lives has only closed a connection that was idle, in the moment in which it was used."""
        if entry.first_token_seconds is not None or self._server.coming:
            return False
        return await calls.looks_well(self._client, self._server.url)

    async def _wait(self, entry: Streaming, seconds: float) -> None:
        self._ledger.progressed()
        self._waiting.add(entry.request.id)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._waiting.discard(entry.request.id)

    async def _ask(self, entry: Streaming, request: EngineRequest) -> None:
        asking = calls.Asking(self._client, self._server.url, self._served)
        await asking.check_length(request)
        body = wire.body(request, self._served.name, salted=self._served.salted)
        refusal = await self._stream(entry, body)
        if refusal is not None:
            if (plain := wire.as_text(request, calls.message(refusal))) is not None:
                await self._ask(entry, plain)
                return
            most = await asking.room(request, refusal)
            if await self._stream(entry, body | {"max_tokens": most}) is not None:
                raise wire.refused(request, "")
        if self._ledger.claim(entry):
            entry.answer(_answer(entry))

    async def _stream(self, entry: Streaming, body: dict[str, Any]) -> bytes | None:
        """Read one answer to its end. What the server said instead, if it refused the request."""
        url, trace = self._server.url + wire.path(body), entry.request.trace
        headers = {} if trace is None else trace.headers
        content = orjson.dumps(body)
        async with self._client.stream("POST", url, content=content, headers=headers) as response:
            if response.status_code in _REFUSALS:
                return await response.aread()
            if response.status_code in BUSY:
                raise Busy(response.headers)
            if not response.is_success:
                raise EngineFailed(f"the inference server answered with status {response.status_code}")
            events = wire.Events()
            async for data in response.aiter_bytes():
                self._ledger.progressed()
                for event in events.push(data):
                    self._hear(entry, wire.chunk(event))
            if not events.done or entry.finish_reason not in ("stop", "length"):
                raise EngineFailed("the inference server ended the answer before its end")
        return None

    def _hear(self, entry: Streaming, chunk: wire.Chunk) -> None:
        if chunk.text or chunk.logprobs:
            entry.hear(max(1, len(chunk.logprobs)))
        entry.logprobs += chunk.logprobs
        entry.finish_reason = chunk.finish_reason or entry.finish_reason
        entry.usage = chunk.usage or entry.usage
        if chunk.text:
            entry.texts.append(chunk.text)
            if entry.on_text is not None and self._ledger.holds(entry):
                entry.on_text(chunk.text)

    def _fail(self, entry: Streaming, error: MainspringError) -> None:
        if self._ledger.claim(entry):
            entry.fail(error)


def _answer(entry: Streaming) -> EngineAnswer:
    logprobs = entry.logprobs
    return EngineAnswer(
        {"text": "".join(entry.texts), "finish_reason": entry.finish_reason},
        entry.usage or {"prompt_tokens": 0, "completion_tokens": len(logprobs)},
        first_token_seconds=entry.first_token_seconds,
        engine_seconds=entry.age(),
        mean_logprob=sum(logprobs) / len(logprobs) if logprobs else None,
        gaps=entry.gaps,
    )
