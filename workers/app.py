"""The Celery application: JSON only, early acknowledgement, one queue a version and one each for ops and train.

Early, since the row decides who may run and write: a message that is lost or comes twice changes nothing,
while late acknowledgement on Redis runs long tasks twice (docs/decisions/0002).
"""

from typing import Any

from celery import Celery
from celery.signals import setup_logging
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError

from mainspring.endpoints import broker_url
from mainspring.logs import log
from mainspring.messages import Message
from mainspring.settings import Settings
from workers.schedule import beat_schedule

# With the default exchange the routing key is the queue's name and Redis holds no table of bindings:
# after a FLUSHALL messages still find their way.
DEFAULT_EXCHANGE = Exchange("", type="direct")


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """With a listener Celery leaves levels and handlers as mainspring.logs has set them."""


class Application(Celery):
    """`process` is what this process's tasks work with: set when its worker starts, absent in beat."""

    process: Any = None


def create_app(settings: Settings, role: str, tasks: list[str]) -> Application:
    """`role` names the queue that the worker begins with; `tasks` are the modules that register its tasks."""
    app = Application("mainspring", broker=broker_url(settings), include=tasks, set_as_current=True)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_queues=[Queue(role, DEFAULT_EXCHANGE, role)],
        task_default_queue=role,
        task_default_exchange="",
        task_default_routing_key=role,
        worker_prefetch_multiplier=1,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,
        worker_send_task_events=settings.task_events,
        task_send_sent_event=settings.task_events,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=2,
        broker_channel_error_retry=True,
        broker_transport_options={
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "health_check_interval": 10,
            "queue_order_strategy": "round_robin",
            "max_retries": 0,  # else a failed connect sleeps for two seconds before it is reported
        },
        beat_schedule=beat_schedule(settings),
    )
    return app


def send(app: Celery, message: Message) -> None:
    """Nudge. A broker that is away is no error here: the sweep sends it again."""
    try:
        app.send_task(
            message.name,
            kwargs=message.kwargs(),
            queue=Queue(message.queue, DEFAULT_EXCHANGE, message.queue),  # type: ignore[arg-type]
            declare=[],  # the default exchange needs none
            retry=False,
        )
    except OperationalError as error:
        log.warning("nudge.lost", message=message.name, queue=message.queue, error=type(error).__name__)
