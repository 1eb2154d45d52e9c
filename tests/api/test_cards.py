"""A version's record and card: what it is, how it was made, what it has been, what it answered."""

from uuid import UUID

import httpx
import pytest
import yaml
from sqlalchemy import text

from mainspring.tables import Database
from tests.api.rolling import another, over, submitted
from tests.api.serving import Hands


def test_the_record_says_it_all(
    client: httpx.Client, database: Database, assistant: UUID, hands: Hands
) -> None:
    for _ in submitted(client, 2):
        hands.finish(hands.take(assistant), {"text": "yes"})
    another(database)
    over(client)
    found = client.get("/v1/versions/assistant@1").json()
    assert (found["version"], found["task"], found["stage"]) == ("assistant@1", "text-generation", "draining")
    assert found["answers"] == {"succeeded": 2}
    assert found["history"][-1]["stage"] == "draining"
    assert "assistant@2" in found["history"][-1]["reason"]
    assert client.get("/v1/versions/assistant@2").json()["answers"] == {}
    unknown = client.get("/v1/versions/assistant@9")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_version")


@pytest.mark.usefixtures("assistant")
def test_the_card_is_markdown_whose_front_matter_hubs_read(client: httpx.Client, database: Database) -> None:
    source = """{"hub": "owner/name: \\"odd\\"", "measures": {"loss": 1.5}}"""
    with database.begin() as connection:
        connection.execute(text(f"update versions set licence = 'apache-2.0', source = '{source}'"))
    card = client.get("/v1/versions/assistant@1", headers={"Accept": "text/markdown"})
    assert card.headers["content-type"].startswith("text/markdown")
    _, front, body = card.text.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "license": "apache-2.0",
        "base_model": 'owner/name: "odd"',
        "pipeline_tag": "text-generation",
        "model_name": "assistant@1",
    }
    assert "# assistant@1" in body
    assert '- measures: {"loss": 1.5}' in body
    assert "None yet." in body
