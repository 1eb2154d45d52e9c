"""Of the traffic only what may be learned from, of the time that is asked for; whose rows belong together."""

from datetime import timedelta
from pathlib import Path

import pytest

from mainspring.curation.rows import Kind, Origin, Row, Split
from mainspring.errors import DatasetRefused
from mainspring.tables import Database
from mainspring.terms import Task
from tests.core.curation.gathered import NOW, Curating, questions, rows
from tests.rows import submit

ALL = {"basis": "contract"}


def texts(found: list[Row]) -> set[str]:
    return {row.text for row in found}


def test_of_consent_each_job_has_to_say_it_and_of_other_bases_none_may_forbid_it(curating: Curating) -> None:
    asked = questions(30)
    for number, text in enumerate(asked):
        said = ({}, {"training_consent": "true"}, {"training_consent": "false"})[number % 3]
        curating.job(text, metadata=said)
    consented = curating.curate("consented", traffic={"basis": "consent"})
    assert texts(rows(consented)) == set(asked[1::3])
    assert consented.card["bases"] == {"consent": 10}
    contract = curating.curate("contract", traffic=ALL)
    assert texts(rows(contract)) == set(asked[0::3]) | set(asked[1::3])


def test_days_since_and_the_newest(curating: Curating) -> None:
    asked = questions(24)
    for number, text in enumerate(asked):
        curating.job(text, days=24 - number)
    assert texts(rows(curating.curate("days", traffic=ALL | {"days": 10.5}))) == set(asked[14:])
    since = (NOW - timedelta(days=5.5)).isoformat()
    assert texts(rows(curating.curate("since", traffic=ALL | {"days": 10.5}, since=since))) == set(asked[19:])
    assert texts(rows(curating.curate("most", traffic=ALL | {"most": 7}))) == set(asked[17:])


def test_only_what_people_wrote_of_jobs_that_succeeded(curating: Curating) -> None:
    asked = questions(12)
    for text in asked[:10]:
        curating.job(text, "a model's own words")
    said = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "an earlier question, a job of its own"},
        {"role": "assistant", "content": "an answer"},
        {"role": "user", "content": asked[10]},
    ]
    curating.job({"messages": said})
    with curating.database.transaction() as session:
        submit(session, input=asked[11])
    found = rows(curating.curate(traffic=ALL))
    assert texts(found) == set(asked[:11])
    assert {(row.kind, row.origin) for row in found} == {(Kind.TEXT, Origin.TRAFFIC)}


def test_what_is_about_one_person_or_of_one_conversation_is_on_one_side(curating: Curating) -> None:
    asked = questions(60)
    for number, text in enumerate(asked):
        who = {"subject": f"person-{number % 6}"} if number < 30 else {"session": f"talk-{number % 6}"}
        curating.job(text, **who)
    made = curating.curate(traffic=ALL, held_out=0.3)
    sides: dict[str, set[int]] = {}
    for row in rows(made):
        assert "person" not in row.group
        sides.setdefault(row.group, set())
    assert len(sides) == 12
    assert not {row.group for row in rows(made, Split.TRAIN)} & {
        row.group for row in rows(made, Split.HELD_OUT)
    }


@pytest.mark.parametrize("task", [Task.TEXT_CLASSIFICATION, Task.SUMMARIZATION])
def test_a_text_alone_teaches_no_classifier(task: Task, database: Database, tmp_path: Path) -> None:
    curating = Curating(database, tmp_path, task)
    for text in questions(5):
        curating.job(text, {"label": "a", "score": 1.0})
    with pytest.raises(DatasetRefused) as refused:
        curating.curate(traffic=ALL)
    assert refused.value.field == "curate.least"
    assert refused.value.counts == {"found": 0, "train": 0, "held_out": 0}
