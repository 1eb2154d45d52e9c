"""A real MLflow is filled by rounds of the mirror, and read back with its own client."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, text

from mainspring.errors import MirrorAway, MirrorRefused
from mainspring.mirror import Round, mirror
from mainspring.settings import Settings
from mainspring.tables import Database, Mirrored
from tests.living import DATASET, DIGEST, NOON, SECRET, Life, day
from tests.mlflow.serving import Reader, Server

pytestmark = pytest.mark.timeout(300)
DAY = timedelta(days=1)
FIRST, SECOND = "assistant@1 in service", "assistant@2 in service"
OF_RUNS = {"assistant by continued-pretraining", "assistant@1 on acceptance", "assistant@2 on acceptance"}
SHADOW = "assistant@2 in the shadow of assistant@1"


@pytest.fixture
def life(database: Database) -> Life:
    made = Life(database)
    for hour in range(4):
        made.answered(1, day(2) + timedelta(hours=hour), hour + 1.0)
    made.answered(1, day(1), 9.0, state="failed")
    made.answered(2, day(1), 2.0)
    return made


def written(life: Life, given: Settings, at: Any = NOON) -> Round:
    done = mirror(life.database, given, at)
    assert done is not None
    assert (done.refused, done.whole) == ([], True)
    return done


def values(run: dict[str, Any], metric: str) -> dict[int, float]:
    """By step; a step twice is an error."""
    points = run["series"][metric]
    assert len({step for step, _, _ in points}) == len(points)
    return {step: value for step, _, value in points}


def number(of_day: int) -> int:
    return int(day(of_day).timestamp()) // 86400


def without_ids(found: dict[str, Any]) -> dict[str, Any]:
    """What is the same in an MLflow that has forgotten all."""
    runs = {
        name: {key: what for key, what in run.items() if key != "id"} for name, run in found["runs"].items()
    }
    names = {run["id"]: name for name, run in found["runs"].items()}
    for model in found["models"].values():
        for version in model["versions"].values():
            version["run"] = names.get(version["run"])
    return {**found, "runs": runs}


def test_filled_and_read_back(life: Life, given: Settings, reader: Reader) -> None:
    written(life, given)
    found = reader("read", given.mlflow_prefix)
    assert SECRET not in str(found)
    model = found["models"]["assistant"]
    assert model["aliases"] == {"champion": "assistant@1", "challenger": "assistant@2"}
    assert model["tags"]["task"] == "text-generation"
    second = model["versions"]["assistant@2"]
    told = {
        "digest": DIGEST,
        "base": "a/base",
        "parent": "assistant@1",
        "dataset": DATASET,
        "licence": "apache-2.0",
    }
    assert told.items() <= second["tags"].items()
    assert "made by: continued-pretraining" in second["description"]

    assert set(found["runs"]) == OF_RUNS | {SHADOW, FIRST, SECOND}
    trained = found["runs"]["assistant by continued-pretraining"]
    assert second["run"] == trained["id"]
    assert (trained["status"], trained["parameters"]["steps"]) == ("FINISHED", "40")
    assert (trained["began"], trained["ended"]) == tuple(int(day(n).timestamp() * 1000) for n in (2, 1))
    assert values(trained, "loss") == {40: 2.5}
    assert values(found["runs"]["assistant@1 on acceptance"], "right_share") == {0: 0.5}
    assert found["runs"][SHADOW]["status"] == "RUNNING"

    serving = found["runs"][FIRST]
    assert values(serving, "requests") == {number(2): 4, number(1): 1}
    assert values(serving, "failed") == {number(2): 0, number(1): 1}
    assert values(serving, "seconds/p50") == {number(2): 2.5}
    assert values(serving, "mean_logprob") == {number(2): -1.5, number(1): -1.5}
    assert [moment for _, moment, _ in serving["series"]["requests"]] == [
        day(n).timestamp() * 1000 for n in (2, 1)
    ]
    assert values(found["runs"][SECOND], "requests") == {number(1): 1}

    assert written(life, given).written == 0
    assert reader("read", given.mlflow_prefix) == found


def test_what_was_measured_by_a_suite_and_what_the_gate_said(
    life: Life, given: Settings, reader: Reader
) -> None:
    life.measured()
    written(life, given)
    found = reader("read", given.mlflow_prefix)["runs"]["assistant@2 beside assistant@1"]
    assert (found["status"], found["tags"]["decision"], found["tags"]["dataset"]) == (
        "FINISHED",
        "accept",
        DATASET,
    )
    assert values(found, "likelihood.new/difference") == {0: 2.0}
    assert values(found, "likelihood.new/champion/low") == {0: -4.0}
    assert found["inputs"] == [["new", DATASET[:36], {"mlflow.data.context": "evaluation"}]]
    assert written(life, given).written == 0


def test_it_follows_what_changes(life: Life, given: Settings, reader: Reader) -> None:
    written(life, given)
    life.answered(2, day(0), 3.0)
    life.promote()
    written(life, given, NOON + DAY)
    found = reader("read", given.mlflow_prefix)
    model = found["models"]["assistant"]
    assert model["aliases"] == {"champion": "assistant@2"}
    assert [model["versions"][f"assistant@{n}"]["tags"]["stage"] for n in (1, 2)] == [
        "draining",
        "production",
    ]
    assert found["runs"][SHADOW]["status"] == "FINISHED"
    assert values(found["runs"][SHADOW], "agreement") == {0: 0.75}
    assert values(found["runs"][SECOND], "requests") == {number(1): 1, number(0): 1}


def test_two_at_once_and_one_that_died_before_it_noted(life: Life, given: Settings, reader: Reader) -> None:
    """Each thing is found by its key, and the same point again is the same point."""
    with ThreadPoolExecutor(2) as hands:
        done = list(hands.map(lambda _: mirror(life.database, given, NOON), range(2)))
    assert any(one is not None and one.written for one in done)
    found = reader("read", given.mlflow_prefix)
    with life.database.transaction() as session:
        session.execute(delete(Mirrored).where(Mirrored.kind.in_(["version", "run", "series"])))
    assert written(life, given).written > 0
    assert reader("read", given.mlflow_prefix) == found
    assert (found["count"], found["models"]["assistant"]["count"]) == (6, 2)


def test_a_round_that_has_no_time_is_gone_on_with(life: Life, given: Settings, reader: Reader) -> None:
    rounds = 0
    while True:
        done = mirror(life.database, given, NOON, seconds=0.05 * rounds)
        assert done is not None
        assert done.refused == []
        rounds += 1
        if done.whole:
            break
    assert rounds > 1
    found = reader("read", given.mlflow_prefix)
    assert found["models"]["assistant"]["aliases"] == {"champion": "assistant@1", "challenger": "assistant@2"}
    assert (found["count"], found["models"]["assistant"]["count"]) == (6, 2)


def test_what_somebody_deletes_there_comes_back_when_it_is_needed(
    life: Life, given: Settings, reader: Reader
) -> None:
    written(life, given)
    before = reader("read", given.mlflow_prefix)
    reader("delete_run", given.mlflow_prefix, FIRST)
    reader("delete_version", given.mlflow_prefix, "assistant", "assistant@1")
    life.answered(1, day(0), 3.0)
    for _ in range(2):
        mirror(life.database, given, NOON + DAY)
    found = reader("read", given.mlflow_prefix)
    assert values(found["runs"][FIRST], "requests") == {number(2): 4, number(1): 1, number(0): 1}
    assert found["models"]["assistant"]["aliases"] == before["models"]["assistant"]["aliases"]
    reader("delete_model", given.mlflow_prefix, "assistant")
    reader("delete_experiment", given.mlflow_prefix)
    written(life, given, NOON + DAY)
    assert reader("read", given.mlflow_prefix)["models"] == before["models"]
    assert reader("read", given.mlflow_prefix)["runs"] == found["runs"]


def test_what_is_somebody_elses_is_left_alone(life: Life, given: Settings, reader: Reader) -> None:
    written(life, given)
    before = reader("read", given.mlflow_prefix)
    with life.database.transaction() as session:  # as in a database of its own
        session.execute(text("truncate mirrored"))
    with pytest.raises(MirrorRefused, match="somebody else") as refused:
        mirror(life.database, given, NOON)
    assert "MAINSPRING_MLFLOW_PREFIX" in (refused.value.remedy or "")
    assert reader("read", given.mlflow_prefix) == before
    own = given.model_copy(update={"mlflow_prefix": f"other-{given.mlflow_prefix}"})
    reader("make_model", f"{own.mlflow_prefix}assistant")
    done = mirror(life.database, own, NOON)
    assert done is not None
    assert [one.partition(":")[0] for one in done.refused] == ["model assistant"]
    found = reader("read", own.mlflow_prefix)
    assert set(found["runs"]) == set(before["runs"])


def test_what_it_missed_while_it_was_away(
    life: Life, given: Settings, server: Server, reader: Reader
) -> None:
    written(life, given)
    server.stop()
    life.answered(2, day(0), 3.0)
    life.promote()
    with pytest.raises(MirrorAway):
        mirror(life.database, given, NOON + DAY)
    server.start()
    assert not written(life, given, NOON + DAY).anew
    found = reader("read", given.mlflow_prefix)
    assert found["models"]["assistant"]["aliases"] == {"champion": "assistant@2"}
    assert values(found["runs"][FIRST], "requests") == {number(2): 4, number(1): 1}
    assert values(found["runs"][SECOND], "requests") == {number(1): 1, number(0): 1}


def test_a_wiped_one_is_filled_again(life: Life, given: Settings, server: Server, reader: Reader) -> None:
    written(life, given)
    before = without_ids(reader("read", given.mlflow_prefix))
    server.wipe()
    assert written(life, given).anew
    assert without_ids(reader("read", given.mlflow_prefix)) == before
