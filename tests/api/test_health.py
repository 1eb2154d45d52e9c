"""Probes, documents, and what happens when a server behind the api is away."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from mainspring.settings import Settings
from mainspring.tables import Database
from tests.api.serving import Served, until
from tests.servers import Servers


def test_a_ready_api(served: Served) -> None:
    assert httpx.get(f"{served.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{served.url}/readyz").json() == {"status": "ready"}
    assert httpx.get(f"{served.url}/").headers["location"] == "/docs"


def test_the_document_names_every_path(served: Served) -> None:
    document = httpx.get(f"{served.url}/openapi.json").json()
    assert {path for path in document["paths"] if not path.startswith("/v1/deployments")} == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/metrics/targets",
        "/v1/datasets",
        "/v1/datasets/{dataset_id}",
        "/v1/datasets/{dataset_id}/set-aside",
        "/v1/datasets/{dataset_id}/{verb}",
        "/v1/evaluations/{evaluation_id}",
        "/v1/evaluations/{evaluation_id}/{verb}",
        "/v1/verdicts/{verdict_id}",
        "/v1/refreshes/{refresh_id}",
        "/v1/refreshes/{refresh_id}/{verb}",
        "/v1/training-runs/{run_id}/{verb}",
        "/v1/jobs",
        "/v1/jobs/{job_id}",
        "/v1/jobs/{job_id}/cancel",
        "/v1/jobs/{job_id}/events",
        "/v1/jobs/{job_id}/feedback",
        "/v1/jobs/bulk",
        "/v1/jobs/results",
        "/v1/keys",
        "/v1/keys/{key_id}",
        "/v1/keys/{key_id}/rotate",
        "/v1/tenants",
        "/v1/tenants/{name}",
        "/v1/webhooks/deliveries",
        "/v1/webhooks/secret",
        "/v1/training-runs/{run_id}",
        "/v1/events",
        "/v1/audit/verify",
        "/v1/rollouts/{rollout_id}",
        "/v1/rollouts/{rollout_id}/plan",
        "/v1/rollouts/{rollout_id}/{verb}",
        "/v1/versions/{label}",
        "/v1/versions/{label}/clients",
        "/v1/versions/{label}/retire",
    }
    submit = document["paths"]["/v1/jobs"]["post"]
    shape = submit["requestBody"]["content"]["application/json"]["schema"]
    assert set(shape["properties"]) == {
        "deployment",
        "input",
        "parameters",
        "priority",
        "deadline_seconds",
        "session",
        "subject",
        "webhook",
        "metadata",
    }
    assert submit["security"]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Served]:
    """An api whose home holds no servers."""
    with Served(Settings(home=tmp_path / "home")) as running:
        yield running


def test_without_servers_it_lives_and_says_what_is_missing(alone: Served) -> None:
    assert httpx.get(f"{alone.url}/healthz").status_code == 200
    answer = httpx.get(f"{alone.url}/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (503, ["postgres", "redis"])
    answer = httpx.get(f"{alone.url}/v1/deployments", headers={"Authorization": "Bearer ms_0_0"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"] == "2"


def test_without_tables_it_is_not_ready(servers: Servers, settings: Settings) -> None:
    empty = settings.model_copy(update={"database_url": servers.database_url("postgres")})
    with Served(empty) as served:
        answer = httpx.get(f"{served.url}/readyz")
        assert (answer.status_code, answer.json()["missing"]) == (503, ["schema"])


def test_no_prompt_in_the_log(
    client: httpx.Client,
    assistant: UUID,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = {"deployment": "assistant", "input": "the word is abracadabra", "parameters": {"abracadabra": 1}}
    assert client.post("/v1/jobs", json=body).status_code == 422
    assert client.post("/v1/jobs", json=body | {"parameters": {}}).status_code == 202
    assert client.get("/v1/jobs/abracadabra?wait=abracadabra").status_code == 422
    written = caplog.text + "".join(capsys.readouterr())
    assert len(re.findall(r"request .*status=(?:422|202)", written)) == 3
    assert "abracadabra" not in written


def test_an_unexpected_error_says_nothing_of_the_request(
    client: httpx.Client,
    assistant: UUID,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with database.transaction() as session:
        session.execute(text("alter table jobs rename column seed to pip"))
    body = {"deployment": "assistant", "input": "abracadabra"}
    answer = client.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    until(lambda: "ProgrammingError" in caplog.text)  # by the server, once the answer is out
    said = answer.text + caplog.text + "".join(capsys.readouterr())
    assert "abracadabra" not in said
    assert "seed" not in answer.text
