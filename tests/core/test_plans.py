"""A plan is kept with its version, and taken over by the next one of the same shape."""

from dataclasses import replace

from sqlalchemy import text

from mainspring.serving.engine import Plan
from mainspring.serving.plans import keep_plan, known_plan
from mainspring.tables import Database
from tests.rows import champion, registered

HERE, THERE = "a processor, 2 threads", "another one"
PLAN = Plan("slots", 32, 2, "float32", [{"engine": "slots", "tokens_per_second": 500.0}])


def test_a_plan_is_its_versions_its_machines_and_its_wishs(database: Database) -> None:
    with database.transaction() as session:
        found = champion(session).id
        assert known_plan(session, found, HERE, "auto") is None
        keep_plan(session, found, HERE, "auto", PLAN)
        assert known_plan(session, found, HERE, "auto") == PLAN
        assert known_plan(session, found, THERE, "auto") is None
        assert known_plan(session, found, HERE, "slots") is None
        again = replace(PLAN, threads=1)
        keep_plan(session, found, HERE, "auto", again)
        assert known_plan(session, found, HERE, "auto") == again


def test_the_next_version_of_the_same_shape_takes_it_over_until_it_has_its_own(database: Database) -> None:
    with database.transaction() as session:
        first = champion(session)
        keep_plan(session, first.id, HERE, "auto", PLAN)
        second = registered(session, "assistant", 2)
        assert known_plan(session, second.id, HERE, "auto") == PLAN
        keep_plan(session, second.id, HERE, "auto", replace(PLAN, slots=64))
        assert known_plan(session, second.id, HERE, "auto") == replace(PLAN, slots=64)
        assert known_plan(session, first.id, HERE, "auto") == PLAN
        third = registered(session, "assistant", 3, parameters=2)
        assert known_plan(session, third.id, HERE, "auto") is None


def test_why_the_slots_cannot_is_kept_and_older_plans_have_no_reason(database: Database) -> None:
    why = replace(PLAN, engine="continuous", reason="the attention of it is not known to the slots")
    with database.transaction() as session:
        found = champion(session).id
        session.execute(
            text(
                "insert into engine_plans (version_id, machine, asked, engine, slots, threads, dtype) "
                "values (:version, :machine, 'slots', 'continuous', 32, 2, 'float32')"
            ),
            {"version": found, "machine": HERE},
        )
        assert known_plan(session, found, HERE, "slots") == replace(why, tried=[], reason=None)
        keep_plan(session, found, HERE, "slots", why)
        assert known_plan(session, found, HERE, "slots") == why
