"""Sends webhooks: signed as Standard Webhooks has it, never followed elsewhere, each try written down.

It has hands of its own, so that slow receivers hold up neither the sweep nor each other. A hand that has sent leaves what
came of it in the tray, and then keeps the book, unless another does: it writes all that lies there in one transaction,
and takes what is due for all hands that are free in another. So it goes on until nothing is due.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from queue import SimpleQueue
from threading import Lock

import httpcore
from standardwebhooks import Webhook

from mainspring.logs import log
from mainspring.serving.due import TRY_SECONDS, Due, due
from mainspring.serving.hands import Hands
from mainspring.serving.views import job_view
from mainspring.serving.webhooks import Tried, event_type, settle
from mainspring.settings import Settings
from mainspring.signing import webhook_secret
from mainspring.tables import Database
from mainspring.tracecontext import TraceContext
from mainspring.tracing import UNTRACED, Road
from workers.guarded import Guarded, PrivateAddress
from workers.hurried import Deadline
from workers.persist import persist

HANDS = 64
CONNECT_SECONDS = 5.0


class Postman:
    """One a process. `tried` is told what became of a delivery by each try."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        road: Road = UNTRACED,
        tried: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings, self._database, self._road, self._tell = settings, database, road, tried
        self._certificates = httpcore.default_ssl_context()
        self._threads = ThreadPoolExecutor(HANDS + 1, thread_name_prefix="postman")  # one keeps the book
        self._hands, self._book, self._closed = Hands(HANDS), Lock(), False
        # None: look at what is due. A delivery without a try is one that crashed.
        self._tray: SimpleQueue[tuple[Due, Tried | None] | None] = SimpleQueue()

    def round(self) -> None:
        """Begin to send what is due, unless that goes on already; returns at once."""
        if not self._closed:
            self._tray.put(None)
            self._threads.submit(self._keep_book)

    def close(self) -> None:
        """What is on its way is still written; what is due then is taken by whoever comes after."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _keep_book(self) -> None:
        """Who comes while another has the book leaves at once: that one looks into the tray again before it leaves."""
        while not self._tray.empty() and self._book.acquire(blocking=False):
            try:
                self._turn()
            except Exception as error:  # which nobody would hear in a thread; what was lost is taken again
                log.error("webhook.crashed", error=type(error).__name__)
                raise
            finally:
                self._book.release()

    def _turn(self) -> None:
        """Write what came of the tries, and give the free hands something to send."""
        done: list[tuple[Due, Tried]] = []
        while not self._tray.empty():
            if (sent := self._tray.get()) is not None:
                self._hands.release(sent[0].receiver)
                if sent[1] is not None:
                    done.append((sent[0], sent[1]))
        if done:
            persist(lambda: self._settle(done), TRY_SECONDS)
        if self._closed:
            return
        with self._database.begin() as connection:
            taken = due(connection, self._hands)
        for one in taken:
            self._hands.hold(one.receiver)
            self._threads.submit(self._deliver, one)

    def _settle(self, done: list[tuple[Due, Tried]]) -> None:
        with self._database.begin() as connection:
            states = settle(connection, done)
        for (one, tried), state in zip(done, states, strict=True):
            self._tell(state.value)
            log.info(
                "webhook.tried",
                job=str(one.job.id),
                number=one.number,
                status=tried.status,
                problem=tried.problem,
                state=state,
            )

    def _deliver(self, one: Due) -> None:
        tried = None
        try:
            tried = self._send(one)
        except Exception as error:  # as above
            log.error("webhook.crashed", job=str(one.job.id), error=type(error).__name__)
            raise
        finally:
            self._tray.put((one, tried))
            self._keep_book()

    def _send(self, one: Due) -> Tried:
        with self._road.delivering(one) as delivering:
            tried = self._tried(one, delivering.context)
            delivering.tried(tried)
        return tried

    def _tried(self, one: Due, trace: TraceContext | None) -> Tried:
        began = time.monotonic()
        status, problem = None, None
        try:
            status = self._post(one, {} if trace is None else trace.headers)
        except PrivateAddress:
            problem = "private_address"
        except httpcore.TimeoutException:
            problem = "timeout"
        except (httpcore.NetworkError, httpcore.ProtocolError, ValueError) as error:
            problem = type(error).__name__
        return Tried(round(time.monotonic() - began, 3), status, problem)

    def _post(self, one: Due, more: dict[str, str]) -> int:
        now = datetime.now(UTC)
        payload = {
            "type": event_type(one.job.state),
            "timestamp": now.isoformat().replace("+00:00", "Z"),
            "data": job_view(one.job),
        }
        body = json.dumps(payload, separators=(",", ":"))
        secret = webhook_secret(self._settings, one.receiver.tenant_id)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Mainspring",
            "webhook-id": str(one.id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(str(one.id), now, body),
            **more,
        }
        with (
            self._connection(one.url) as connection,
            connection.stream(
                "POST",
                one.url,
                headers=list(headers.items()),
                content=body.encode(),
                extensions={"timeout": {"connect": CONNECT_SECONDS}},
            ) as response,
        ):
            return response.status  # the body is not read: whatever it says changes nothing

    def _connection(self, url: str) -> httpcore.HTTPConnection:
        """For this once: a kept connection would outlive the look at its address."""
        private = self._settings.webhooks_to_private_addresses
        return httpcore.HTTPConnection(
            httpcore.URL(url).origin,
            ssl_context=self._certificates,
            network_backend=Guarded(Deadline(TRY_SECONDS), allow_private=private),
        )
