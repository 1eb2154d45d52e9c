"""A judge is asked as any version is: its answers come back in the order of the questions, and nothing of them is kept."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID

from sqlalchemy import func, select

from mainspring.errors import EngineFailed
from mainspring.evaluation.plan import JudgePlan
from mainspring.serving import lease
from mainspring.tables import Database, Prompt, PromptSet, Trial
from mainspring.trials import running
from mainspring.trials.running import Answered
from tests.rows import champion
from workers.gpu.court import Court

PLAN = JudgePlan(deployment="judge")


def answer(database: Database, version: UUID, over: Event) -> None:
    """As an infer worker does: each question's last letter; a `?` is too hard."""
    with database.transaction() as session:
        life = lease.begin(session, "infer", 60)
    while not over.wait(0.02):
        with database.transaction() as session:
            taken = running.take(session, version, life)
        if taken is None:
            continue
        end = (
            EngineFailed("too hard")
            if taken.input.endswith("?")
            else Answered({"text": taken.input[-1]}, {}, None, 0.1, None)
        )
        with database.transaction() as session:
            running.finish(session, taken.id, life, end)


def test_answers_come_in_the_order_of_the_questions_and_are_not_kept(database: Database) -> None:
    with database.transaction() as session:
        judge = champion(session, "judge").id
    over, waited = Event(), []
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(answer, database, judge, over)
        court = Court(database, PLAN, "judging 1", lambda: waited.append(1))
        assert court.sits()
        heard = court.ask(["Which is better? A", "And now? B", "What?"])
        over.set()
        working.result()
    assert heard == ["A", "B", None]
    assert waited
    with database.transaction() as session:
        kept = [session.scalar(select(func.count()).select_from(one)) for one in (PromptSet, Prompt, Trial)]
    assert kept == [0, 0, 0]


def test_without_a_version_there_is_no_judge(database: Database) -> None:
    court = Court(database, PLAN, "judging 2", lambda: None)
    assert not court.sits()
    assert court.ask(["Which?"]) == [None]
