"""What an infer worker is made of, put together once a process; and how it starts and stops."""

from collections.abc import Callable
from functools import partial
from threading import Lock
from uuid import UUID

from celery import Celery
from redis import Redis

from mainspring.endpoints import database_url, redis_url
from mainspring.messages import Message
from mainspring.metrics.exposed import Exposed, registry
from mainspring.serving import bounded, stream
from mainspring.serving.claim import Fence, held_by
from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.tracing import opened
from workers.app import send
from workers.engines import Engines
from workers.giving_back import GivingBack
from workers.holder import Holder
from workers.life import Life
from workers.meters import Meters
from workers.notices import Notices
from workers.outbox import Outbox
from workers.report import Report
from workers.running import Running


class Runtime:
    """`stopping` is true from SIGTERM on: nothing new is claimed."""

    def __init__(
        self,
        app: Celery,
        settings: Settings,
        engines: Engines,
        *,
        consume: Callable[[str], None],
        ignore: Callable[[str], None],
    ) -> None:
        self.settings = settings
        self.road = opened(settings, "infer")
        self.stopping = False
        self.paused = False  # while a suspect is waited for, or runs alone
        self.trial = Lock()  # held by whoever tries something that no client waits for
        self.tried_at = 0.0  # on the monotonic clock, when that last ended
        self.ticks: list[Callable[[], None]] = []  # what else looks at the rows at each renewal of the lease
        self.bounded = False  # whether some tenant may run only so many jobs at once
        self.nudge: Callable[[Message], None] = partial(send, app)
        # Every slot holds a connection only while it claims or finishes, so a few serve many.
        self.database = Database(database_url(settings), pool_size=12)
        redis = Redis.from_url(redis_url(settings), socket_timeout=5, socket_connect_timeout=2)
        self.running = Running()
        self.outbox = Outbox(redis)
        self.give_back = GivingBack(self.database, settings, self.outbox, self.nudge)
        self._orphans: set[Fence] = set()
        self._reborn = False
        self.life = Life(self.database, "infer", settings, on_tick=self._tick, on_rebirth=self._rebirth)
        self._report = Report(self.database, lambda: self.life.incarnation)
        self.holder = Holder(
            self.database,
            settings,
            self._report,
            engines,
            consume=consume,
            ignore=ignore,
        )
        self._notices = Notices(
            redis,
            {
                stream.CANCEL: lambda job_id: self.running.cancel(UUID(job_id)),
                stream.READERS: lambda _: self.outbox.listened(),
                stream.VERSIONS: lambda _: self.holder.look(),
            },
        )
        shown = registry()
        self.meters = Meters(shown, self.holder.all)
        self._exposed = Exposed(shown, "infer", settings, self.database)
        self.holder.start()

    def stop(self) -> None:
        """SIGTERM: take nothing, finish what runs or hand it back, end the lease, tell the last news."""
        self.stopping = True
        self.holder.close(self.settings.drain_seconds)
        self.running.wait_until_empty(self.settings.lease_seconds)
        self._notices.close()
        self._exposed.close()
        self.life.close()
        self.outbox.close()
        self.database.close()
        self.road.close()

    def _tick(self, incarnation: UUID) -> None:
        """Compare the jobs that the rows say this life holds with those that run here."""
        if self._reborn:
            self._reborn = False
            self._report.again()
        here = (
            self.running.fences()
        )  # before the rows are read: what is claimed meanwhile has not been taken away
        with self.database.each() as connection:
            self.bounded = bounded.needed(connection)
            rows = held_by(connection, incarnation)
        for fence in here - rows:
            self.running.stop(fence)  # cancelled, or taken away: the notice was lost
        # Nobody runs it: its task crashed, or the reply to its claim was lost. Twice seen, so not just claimed.
        orphans = rows - here
        for fence in orphans & self._orphans:
            self.give_back(fence, lost=True)
        self._orphans = orphans
        for look in self.ticks:
            look()

    def _rebirth(self) -> None:
        self.running.cancel_all()
        self._reborn = True
