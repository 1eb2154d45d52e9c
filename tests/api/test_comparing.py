"""Two versions side by side with the jobs that both have answered: what each said, and where they differ most."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from mainspring.access import make_key
from mainspring.errors import PromptTooLong
from mainspring.tables import Database
from mainspring.terms import ADMIN, JOBS
from tests.api.commanding import Commands
from tests.api.rolling import NAME, another, begin, holds, judge, submitted
from tests.api.serving import Hands, Served
from tests.api.trying import finish, take

SIDES = {"a": "assistant@1", "b": "assistant@2"}
LONG = "word " * 100
SAID = (("as it is", "as it is"), (f"{LONG}one", f"{LONG}two"), ("black", "white"))


@pytest.fixture
def shadowed(client: httpx.Client, database: Database, assistant: UUID, hands: Hands) -> list[str]:
    """What both were asked: the champion for the client, the challenger for nobody. The last one it could not answer."""
    second = another(database)
    holds(database, hands, second)
    begin(client, shadow={"share": 1.0, "samples": 30})
    judge(database)
    for number, (one, _) in enumerate((*SAID, ("yes", None))):
        submitted(client, 1, input=f"question {number}")
        hands.finish(hands.take(assistant), {"text": one})
    judge(database)
    ends = {f"question {number}": other for number, (_, other) in enumerate(SAID)}
    while (taken := take(database, hands, second)) is not None:
        assert finish(database, hands, taken, ends.get(taken.input) or PromptTooLong("too long"))
    return [f"question {number}" for number in range(len(SAID) + 1)]


def compared(client: httpx.Client, **more: Any) -> Any:
    return client.get(f"{NAME}/compare", params=SIDES | more).json()["shadow"]


def test_those_that_differ_most_come_first(client: httpx.Client, shadowed: list[str]) -> None:
    found = compared(client)
    same, long, different, failed = shadowed
    assert {one["input"] for one in found["answers"][:2]} == {failed, different}
    assert [one["input"] for one in found["answers"][2:]] == [long, same]
    by_input = {one["input"]: one for one in found["answers"]}
    assert by_input[different]["differences"] == [["a", "black"], ["b", "white"]]
    assert by_input[same]["differences"] == [["same", "as it is"]]
    assert by_input[failed]["a"]["output"] == {"text": "yes"}
    assert by_input[failed]["b"]["error"]["detail"] == "too long"
    assert found["tried"] == 4
    assert [one["input"] for one in compared(client, answers="3")["answers"]][2] == long
    assert compared(client, answers="0")["answers"] == []
    turned = client.get(f"{NAME}/compare", params={"a": SIDES["b"], "b": SIDES["a"]}).json()["shadow"]
    by_input = {one["input"]: one for one in turned["answers"]}
    assert by_input[different]["differences"] == [["a", "white"], ["b", "black"]]


@pytest.mark.parametrize("answers", ["-1", "many", "201"])
@pytest.mark.usefixtures("assistant")
def test_how_many_cannot_be_shown(client: httpx.Client, database: Database, answers: str) -> None:
    another(database)
    refused = client.get(f"{NAME}/compare", params=SIDES | {"answers": answers})
    assert (refused.status_code, refused.json()["field"]) == (422, "answers")
    assert "200" in refused.json()["remedy"]


def test_they_are_in_the_table_and_on_the_page(
    client: httpx.Client, shadowed: list[str], commands: Commands
) -> None:
    page = client.get(f"{NAME}/compare", params=SIDES, headers={"Accept": "text/html"}).text
    assert "<del>black</del><ins>white</ins>" in page
    assert all(f"<h3>{given}</h3>" in page for given in shadowed)
    assert LONG.strip() in page
    table = commands("compare", *SIDES.values()).said
    assert all(given in table for given in shadowed)
    assert "blackwhite" in table
    assert "failed: too long" in table
    assert LONG.strip() not in table  # of what both said alike, the ends
    assert "onetwo" in table
    assert "question 1" not in commands("compare", *SIDES.values(), "--answers", "2").said


def test_a_text_is_shown_to_its_own_tenant_and_goes_with_its_job(
    client: httpx.Client, shadowed: list[str], served: Served, database: Database
) -> None:
    with database.transaction() as session:
        stranger = make_key(session, "other", name="o", scopes=[JOBS, ADMIN], actor="test")
        reader = make_key(session, "default", name="r", scopes=[JOBS], actor="test")
    for key in (stranger, reader):
        with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"}) as other:
            found = compared(other)
            assert (found["tried"], found["answers"]) == (4, [])
    with database.begin() as connection:
        connection.execute(
            text("delete from jobs where input = to_jsonb(cast(:given as text))"), {"given": shadowed[2]}
        )
    assert {one["input"] for one in compared(client)["answers"]} == {*shadowed} - {shadowed[2]}
