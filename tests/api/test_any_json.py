"""Whatever JSON comes, a submission is accepted or refused in words; the server itself never fails."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mainspring.tables import Database, Task
from tests.api.serving import produce

any_text = st.text(st.characters(codec=None), max_size=20)  # also NUL and lone surrogates
leaves = st.none() | st.booleans() | st.integers() | st.floats() | any_text
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
texts = any_text | st.lists(any_text, max_size=3)
names = st.sampled_from(["assistant", "triage", "nobody"])
parameter_names = st.sampled_from(["temperature", "top_p", "top_k", "max_tokens", "stop", "seed", "else"])
bodies = anything | st.fixed_dictionaries(
    {"deployment": names | anything, "input": texts | anything},
    optional={
        "parameters": st.dictionaries(parameter_names, leaves | st.lists(any_text, max_size=2)) | anything,
        "metadata": st.dictionaries(any_text, any_text, max_size=17) | anything,
        "priority": anything,
    },
)


@pytest.fixture
def deployments(database: Database) -> list[UUID]:
    return [
        produce(database, "assistant", Task.TEXT_GENERATION),
        produce(database, "triage", Task.TEXT_CLASSIFICATION),
    ]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=bodies)
def test_any_json(client: httpx.Client, deployments: list[UUID], body: Any) -> None:
    answer = client.post("/v1/jobs", content=json.dumps(body), headers={"Content-Type": "application/json"})
    said = answer.json()
    if answer.status_code == 202:
        seen = client.get(f"/v1/jobs/{said['id']}").json()
        assert seen["metadata"] == body.get("metadata", {})
    else:
        assert 400 <= answer.status_code < 500
        assert said["code"]
        assert said["remedy"]
