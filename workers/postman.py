"""Sends webhooks: signed as Standard Webhooks has it, never followed elsewhere, each try written down.

It has threads of its own, so that slow receivers hold up neither the sweep nor each other.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import BoundedSemaphore

import httpcore
from standardwebhooks import Webhook

from mainspring.logs import log
from mainspring.serving.views import SHOWN, job_view
from mainspring.serving.webhooks import Due, Tried, due, event_type, settle
from mainspring.settings import Settings
from mainspring.signing import webhook_secret
from mainspring.tables import Database
from workers.guarded import Guarded, PrivateAddress
from workers.persist import persist

AT_ONCE = 16
TRY_SECONDS = 15.0


class Postman:
    """One a process."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._pool = httpcore.ConnectionPool(
            network_backend=Guarded(allow_private=settings.webhooks_to_private_addresses),
            max_connections=AT_ONCE,
            max_keepalive_connections=0,  # a kept connection would outlive the look at its address
        )
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="postman")
        self._free = BoundedSemaphore(AT_ONCE)

    def round(self) -> None:
        """Take what is due, as much as there are free hands, and send it; returns at once."""
        hands = 0
        while hands < AT_ONCE and self._free.acquire(blocking=False):
            hands += 1
        taken: list[Due] = []
        try:
            if hands:
                with self._database.begin() as connection:
                    taken = due(connection, SHOWN, hands)
        finally:
            for _ in range(hands - len(taken)):
                self._free.release()
        for one in taken:
            self._threads.submit(self._deliver, one)

    def close(self) -> None:
        """What is not sent by then is taken again by whoever comes after."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.close()

    def _deliver(self, one: Due) -> None:
        try:
            tried = self._send(one)
            persist(lambda: self._settle(one, tried), TRY_SECONDS)
        except Exception as error:  # a thread's fault would be heard by nobody; the delivery is taken again
            log.error("webhook.crashed", job=str(one.job.id), error=type(error).__name__)
            raise
        finally:
            self._free.release()

    def _settle(self, one: Due, tried: Tried) -> None:
        with self._database.begin() as connection:
            state = settle(connection, one, tried)
        log.info(
            "webhook.tried",
            job=str(one.job.id),
            number=one.number,
            status=tried.status,
            problem=tried.problem,
            state=state,
        )

    def _send(self, one: Due) -> Tried:
        began = time.monotonic()
        status, problem = None, None
        try:
            status = self._post(one)
        except PrivateAddress:
            problem = "private_address"
        except httpcore.TimeoutException:
            problem = "timeout"
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            ValueError,
        ) as error:
            problem = type(error).__name__
        return Tried(round(time.monotonic() - began, 3), status, problem)

    def _post(self, one: Due) -> int:
        now = datetime.now(UTC)
        payload = {
            "type": event_type(one.job.state),
            "timestamp": now.isoformat().replace("+00:00", "Z"),
            "data": job_view(one.job),
        }
        body = json.dumps(payload, separators=(",", ":"))
        secret = webhook_secret(self._settings, one.tenant_id)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Mainspring",
            "webhook-id": str(one.id),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(secret).sign(str(one.id), now, body),
        }
        timeout = {"connect": 5.0, "read": TRY_SECONDS, "write": TRY_SECONDS, "pool": TRY_SECONDS}
        with self._pool.stream(
            "POST",
            one.url,
            headers=list(headers.items()),
            content=body.encode(),
            extensions={"timeout": timeout},
        ) as response:
            return response.status  # the body is not read: whatever it says changes nothing
