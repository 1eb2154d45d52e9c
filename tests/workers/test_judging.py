"""A round of the judge: a version in production that no worker can hold is told, once."""

from redis import Redis
from sqlalchemy import select

from mainspring.messages import OPS_QUEUE
from mainspring.settings import Settings
from mainspring.tables import Database, Event
from tests.workers.holding import Store, flip
from tests.workers.rounds import connections
from workers.app import create_app
from workers.judging import judge_once
from workers.postman import Postman


def test_who_answers_and_is_damaged_is_an_event(
    store: Store, settings: Settings, database: Database, redis: Redis
) -> None:
    version = store.version("assistant")
    flip(store.place(version) / "model.safetensors")
    store.holder().reconcile()
    app, postman = create_app(settings, OPS_QUEUE, []), Postman(settings, database)
    for _ in range(2):
        judge_once(app, connections(settings, database, redis, postman))
    postman.close()
    with database.transaction() as session:
        [event] = session.scalars(select(Event).where(Event.kind == "version.unheld"))
    assert event.about == "assistant@1"
    assert "model.safetensors is not what was registered" in event.reason
