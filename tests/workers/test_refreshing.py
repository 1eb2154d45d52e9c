"""From a wish to a better version, through datasets, training, evaluation, verdict and release, by the real tasks."""

from pathlib import Path
from typing import Any

from redis import Redis
from sqlalchemy import select

from mainspring.refresh.asking import an_evaluation
from mainspring.settings import Settings
from mainspring.tables import Database, RefreshState, Stage, Verdict, Version
from tests.workers.refreshing import NEW, OLD, Town, plan, write
from workers.gpu.train import train
from workers.refreshing import refresh_once

FEW = {"fewest_items": 5, "fewest_clusters": 5}
LENIENT = {
    "likelihood.new": {"role": "must_rise", "at_least": 1.0},
    "likelihood.old": {"role": "must_not_fall", "tolerance": 0.5},
}


def town(settings: Settings, database: Database, redis: Redis, folder: Path, **policy: Any) -> Town:
    """Its policy learns from documents about rivers; its first version knows gears."""
    whole = {
        "refresh": plan(write(folder / NEW, NEW), replay=1.0),
        "gate": FEW | {"metrics": LENIENT},
    } | policy
    return Town(settings, database, redis, whole, write(folder / OLD, OLD))


def test_a_wish_leads_to_a_better_version_in_production(
    settings: Settings, database: Database, redis: Redis, tmp_path: Path
) -> None:
    here = town(settings, database, redis, tmp_path)
    here.ask()
    ended = here.until_ended()
    assert (ended.state, ended.error) == (RefreshState.RELEASED, None), ended.reason
    made = here.version(ended.version_id)
    assert (made.label, made.stage, made.source["parent"]) == ("d@2", Stage.PRODUCTION, "d@1")
    kinds = [event.kind for event in here.events() if event.inputs.get("refresh") == str(ended.id)]
    stages = ("begun", "training", "evaluating", "releasing", "released")
    assert kinds == [f"refresh.{stage}" for stage in stages]
    here.round()
    assert here.refresh().id == ended.id


def test_one_that_forgets_what_was_known_is_refused_with_figures(
    settings: Settings, database: Database, redis: Redis, tmp_path: Path
) -> None:
    strict = LENIENT | {"likelihood.old": {"role": "must_not_fall", "tolerance": 0.001}}
    forgetful = plan(write(tmp_path / NEW, NEW), replay=0.0)
    here = town(settings, database, redis, tmp_path, refresh=forgetful, gate=FEW | {"metrics": strict})
    here.ask()
    ended = here.until_ended()
    assert ended.state == RefreshState.REFUSED
    assert "likelihood.old may fall by 0.001 nats per token at most, which does not hold" in ended.reason
    assert here.version(ended.version_id).stage == Stage.REJECTED
    assert here.version(ended.champion_id).stage == Stage.PRODUCTION


def test_what_a_person_has_measured_is_judged_in_the_round_after(
    settings: Settings, database: Database, redis: Redis, tmp_path: Path
) -> None:
    here = town(settings, database, redis, tmp_path)
    with database.transaction() as session:
        version = session.scalars(select(Version)).one()
        asked = an_evaluation(session, version, None, actor="key 1").id
    refresh_once(here.app, here.use)
    train(settings, lambda: False)
    for _ in range(2):
        refresh_once(here.app, here.use)
    with database.transaction() as session:
        (verdict,) = session.scalars(select(Verdict).where(Verdict.evaluation_id == asked))
        assert verdict.reasons
        assert session.scalars(select(Version.stage)).one() == Stage.PRODUCTION
