"""Which rows a dataset is made without is told with line and reason, and all the more when it is refused."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from mainspring.curation import excluded
from mainspring.curation.found import SetAside
from mainspring.curation.ledger import AT_A_TIME, Ledger
from mainspring.curation.rows import Origin
from mainspring.identifiers import uuid7
from mainspring.settings import Settings
from mainspring.tables import Dataset
from tests.api.commanding import Commands
from workers.gpu.train import train

GOOD = [
    json.dumps({"text": f"Gear number {n} has {n * n} teeth and drives wheel {n + 7}."}) for n in range(90)
]
BAD = ["not json", '{"text": 7}']


def curated(client: httpx.Client, settings: Settings, lines: list[str]) -> dict[str, Any]:
    given = client.post(
        "/v1/datasets",
        params={"deployment": "assistant"},
        content="\n".join(lines),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert client.get(f"/v1/datasets/{given.json()['id']}/set-aside").json() == {"total": 0, "rows": []}
    train(settings, lambda: False)
    found: dict[str, Any] = client.get(f"/v1/datasets/{given.json()['id']}").json()
    return found


@pytest.mark.usefixtures("assistant")
def test_rubbish_is_refused_and_each_row_can_be_looked_up(client: httpx.Client, settings: Settings) -> None:
    refused = curated(client, settings, [*GOOD[:20], *BAD * 20])
    assert (refused["state"], refused["error"]["field"]) == ("failed", "curate.most_set_aside")
    page = client.get(f"/v1/datasets/{refused['id']}/set-aside", params={"first": 1, "limit": 2}).json()
    assert page["total"] == 40
    assert [row["source"].rpartition(":")[2] for row in page["rows"]] == ["22", "23"]
    assert all(row["reason"] for row in page["rows"])
    left = [place.name for place in (settings.home / "curation").rglob("*") if place.is_file()]
    assert left == ["set_aside.parquet"]


@pytest.mark.usefixtures("assistant")
def test_of_one_that_was_made_too(client: httpx.Client, settings: Settings, commands: Commands) -> None:
    made = curated(client, settings, [*GOOD, *BAD])
    assert made["state"] == "succeeded", made["error"]
    said = commands("datasets", "show", made["id"], "--set-aside").said.splitlines()
    assert len(said) == len(BAD)
    assert ":91" in said[0]
    rows = [
        json.loads(line)
        for line in commands("datasets", "show", made["id"], "--set-aside", "--json").said.splitlines()
    ]
    assert [row["origin"] for row in rows] == ["upload"] * len(BAD)
    assert not (settings.home / "curation" / made["id"]).exists()


def test_pages_join_across_groups_of_rows(settings: Settings, tmp_path: Path) -> None:
    """A million are written some at a time, and each page is where the one before it ended."""
    dataset = Dataset(id=uuid7(), deployment="d", plan={})
    ledger = Ledger(tmp_path / excluded.NAME)
    for number in range(2 * AT_A_TIME + 7):
        ledger.put(SetAside("quality", "too short", Origin.UPLOAD, f"rows.jsonl:{number + 1}"))
    ledger.close()
    excluded.place_of(settings, dataset).parent.mkdir(parents=True)
    excluded.keep(settings, dataset, tmp_path)
    read: list[str] = []
    while len(read) < 2 * AT_A_TIME + 7:
        rows, total = excluded.read(settings, dataset, len(read), 3000)
        assert (total, bool(rows)) == (2 * AT_A_TIME + 7, True)
        read += [row.source for row in rows]
    assert read == [f"rows.jsonl:{number + 1}" for number in range(2 * AT_A_TIME + 7)]
    assert excluded.read(settings, dataset, len(read), 10) == ([], len(read))
