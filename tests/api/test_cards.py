"""A version's record and card: what it is, how it was made, what it has been, what it answered."""

import json
from uuid import UUID

import httpx
import pytest
import yaml

from mainspring.tables import Database
from tests.api.commanding import Commands
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
    source = {"hub": 'owner/name: "odd"', "measures": {"loss": 1.5}}
    another(database, licence="apache-2.0", source=source)
    card = client.get("/v1/versions/assistant@2", headers={"Accept": "text/markdown"})
    assert card.headers["content-type"].startswith("text/markdown")
    _, front, body = card.text.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "license": "apache-2.0",
        "base_model": 'owner/name: "odd"',
        "pipeline_tag": "text-generation",
        "model_name": "assistant@2",
    }
    assert "# assistant@2" in body
    assert '- measures: {"loss": 1.5}' in body
    assert "None yet." in body


LINEAGE = {
    "source": {"recipe": "continued-pretraining", "run": "0190", "parent": "assistant@1", "base": "/store/x"},
    "dataset": {"digest": "d" * 64, "examples": 1812, "origin": {"docstrings": ["json", "csv"]}},
    "tokenizer": {"kind": "LlamaTokenizer", "digest": "e" * 64},
    "bytes": 9_441_280,
}


@pytest.mark.usefixtures("assistant")
def test_whence_a_version_comes_is_told_wherever_it_is_shown(
    client: httpx.Client, database: Database, commands: Commands
) -> None:
    another(database, **LINEAGE)
    words = {
        "made from": "assistant@1",
        "made by": "continued-pretraining, training run 0190",
        "dataset": "1,812 examples of docstrings json, csv, dddddddddddd",
        "tokenizer": "LlamaTokenizer, eeeeeeeeeeee",
    }
    listed = json.loads(commands("versions", "assistant", "--json").said)
    for found in (listed[0], client.get("/v1/versions/assistant@2").json()):
        assert found["parent"] == "assistant@1"
        assert {name: found[name] for name in ("dataset", "tokenizer", "bytes")}.items() <= LINEAGE.items()
    assert listed[1]["parent"] is listed[1]["dataset"] is listed[1]["bytes"] is None
    card = commands("card", "assistant@2").said
    assert 'base_model: "assistant@1"' in card
    assert f"- dataset: {words['dataset']}" in card
    assert "- bytes: 9,441,280" in card
    told = commands("versions", "assistant").said
    table = commands("compare", "assistant@1", "assistant@2").said
    page = client.get(
        "/v1/deployments/assistant/compare",
        params={"a": "assistant@1", "b": "assistant@2"},
        headers={"Accept": "text/html"},
    ).text
    for name, said in words.items():
        assert f"{name} {said}" in told
        assert any(line.split("  ")[0].strip() == name and said in line for line in table.splitlines())
        assert f"<tr><th>{name}</th><td>-</td><td>{said}</td></tr>" in page
    assert "<tr><th>bytes</th><td>-</td><td>9,441,280</td></tr>" in page


@pytest.mark.usefixtures("assistant")
def test_why_a_version_is_where_it_is(client: httpx.Client, database: Database, commands: Commands) -> None:
    another(database)
    another(database, 3)
    client.post("/v1/versions/assistant@2/retire", json={"reason": "it repeats itself"}).raise_for_status()
    listed = client.get("/v1/deployments/assistant/versions").json()["versions"]
    assert [one["reason"] for one in listed] == [None, "it repeats itself", "the first"]
    assert "it repeats itself" in commands("versions", "assistant").said
