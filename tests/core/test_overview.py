"""What `status` counts: queues by priority and state, sessions, deliveries."""

from mainspring.serving import lease
from mainspring.serving.accept import accept
from mainspring.serving.answer import succeed
from mainspring.serving.claim import claim
from mainspring.serving.engine import EngineAnswer
from mainspring.serving.overview import overview
from mainspring.serving.receipt import Submission
from mainspring.tables import Database, HeldVersion, Priority
from tests.rows import caller, champion


def test_everything_is_counted_once(database: Database) -> None:
    with database.transaction() as session:
        version = champion(session).id
        worker = lease.begin(session, "infer", 60)
        held = {"name": "slots", "capacity": 4}
        session.add(HeldVersion(incarnation=worker, version_id=version, state="ready", engine=held))
        who, low = caller(session), Submission("assistant", "hello", priority=Priority.LOW)
        talk = Submission("assistant", "hello", session="talk", webhook="https://example.org/ended")
        for asked in (talk, talk, low, low, low):
            accept(session.connection(), who, asked)
    with database.begin() as connection:
        first = claim(connection, version, worker)
        assert first is not None
        assert succeed(connection, first.fence, EngineAnswer({"text": "yes"}, {}))
        assert claim(connection, version, worker) is not None
        found = overview(connection)
    (served,) = found["deployments"]
    assert (served["production"], served["engine"], served["serving"]) == ("assistant@1", "auto", ["slots"])
    counts = {
        queue["priority"]: (queue["queued"], queue["in_session"], queue["running"])
        for queue in found["queues"]
    }
    assert counts == {"normal": (0, 1, 0), "low": (2, 0, 1)}
    assert all((queue["oldest_seconds"] or 0) >= 0 for queue in found["queues"])
    assert found["sessions"] == {"all": 1, "active": 1}
    assert found["deliveries"] == {"waiting": 1, "ahead": 1, "delivered": 0, "abandoned": 0}
