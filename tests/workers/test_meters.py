"""What an infer worker counts of its answers, and how long of versions that have gone."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from mainspring.client import Client
from mainspring.errors import DeadlinePassed, EngineFailed
from mainspring.metrics.labels import Labels
from mainspring.serving.engine import EngineAnswer
from tests.api.serving import until
from tests.scraping import Series, addresses, look, of, read
from workers.meters import Meters

ONE = Labels("assistant", "assistant@1")
SAID = EngineAnswer(
    {"text": "yes", "finish_reason": "stop"},
    {"prompt_tokens": 5, "completion_tokens": 3},
    first_token_seconds=0.3,
    engine_seconds=0.5,
    gaps=[0.05, 0.15],
)
ENCODED = EngineAnswer({"label": "yes"}, {"prompt_tokens": 7}, engine_seconds=0.1)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def counted(registry: CollectorRegistry) -> Meters:
    return Meters(registry, most=2)


def shown(registry: CollectorRegistry) -> Series:
    return read(generate_latest(registry).decode())


def test_an_answer_that_was_written(registry: CollectorRegistry, counted: Meters) -> None:
    counted.answered(ONE, 0.2, 0.6, SAID)
    told, one = shown(registry), ONE._asdict()
    assert of(told, "request_queue_time_seconds_sum", **one) == pytest.approx(0.2)
    assert of(told, "time_to_first_token_seconds_sum", **one) == pytest.approx(0.5)
    assert of(told, "request_inference_time_seconds_sum", **one) == pytest.approx(0.5)
    assert of(told, "e2e_request_latency_seconds_sum", **one) == pytest.approx(0.8)
    assert of(told, "inter_token_latency_seconds_sum", **one) == pytest.approx(0.2)
    assert of(told, "inter_token_latency_seconds_count", **one) == 2
    assert of(told, "inter_token_latency_seconds_bucket", **one, le="0.06") == 1
    assert of(told, "prompt_tokens_total", **one) == 5
    assert of(told, "generation_tokens_total", **one) == 3
    assert of(told, "request_success_total", **one, finished_reason="stop") == 1
    assert of(told, "request_success_total", **one, finished_reason="length") == 0


def test_one_that_is_not_written(registry: CollectorRegistry, counted: Meters) -> None:
    counted.answered(ONE, 0.2, 0.3, ENCODED)
    told, one = shown(registry), ONE._asdict()
    assert of(told, "request_success_total", **one, finished_reason="none") == 1
    assert of(told, "e2e_request_latency_seconds_count", **one) == 1
    assert of(told, "time_to_first_token_seconds_count", **one) == 0
    assert of(told, "request_generation_tokens_count", **one) == 0


def test_no_answer(registry: CollectorRegistry, counted: Meters) -> None:
    counted.failed(ONE, DeadlinePassed("too late"))
    counted.failed(ONE, EngineFailed("dead"))
    counted.given_back(ONE, lost=True)
    told, one = shown(registry), ONE._asdict()
    assert of(told, "request_failure_total", **one, state="expired", code="deadline_passed") == 1
    assert of(told, "request_failure_total", **one, state="failed", code="engine_failed") == 1
    assert of(told, "request_given_back_total", **one, lost="true") == 1
    assert of(told, "e2e_request_latency_seconds_count", **one) == 0


def test_too_many_versions_are_counted_together(registry: CollectorRegistry, counted: Meters) -> None:
    for number in range(1, 6):
        counted.answered(Labels("assistant", f"assistant@{number}"), 0.1, 0.1, SAID)
    told = shown(registry)
    versions = {dict(labels).get("version") for _, labels in told}
    assert versions == {"assistant@1", "assistant@2", "other"}
    assert of(told, "prompt_tokens_total", deployment="other", version="other") == 15


def test_a_version_that_is_gone_is_shown_once_more(registry: CollectorRegistry) -> None:
    counted, one = Meters(registry, kept_seconds=0.0), ONE._asdict()
    counted.answered(ONE, 0.1, 0.1, SAID)
    assert of(shown(registry), "prompt_tokens_total", **one) == 5
    assert "assistant@1" not in generate_latest(registry).decode()
    counted.answered(ONE, 0.1, 0.1, SAID)  # it has come back
    assert of(shown(registry), "prompt_tokens_total", **one) == 5


def test_a_worker_shows_what_it_has_answered(api: Client) -> None:
    url = str(api._http.base_url).rstrip("/")
    jobs = [api.submit("assistant", "Tell the time.") for _ in range(3)]
    ended = [api.result(job["id"]) for job in jobs]
    until(lambda: len(addresses(url, "infer")) == 1)
    (address,) = addresses(url, "infer")
    one = ONE._asdict()
    until(lambda: of(look(f"http://{address}"), "e2e_request_latency_seconds_count", **one) == 3)
    told = look(f"http://{address}")
    for name, key in (
        ("request_queue_time", "queue"),
        ("time_to_first_token", "first_token"),
        ("e2e_request_latency", "total"),
    ):
        rows = sum(job["timings"][key] for job in ended)
        assert of(told, f"{name}_seconds_sum", **one) == pytest.approx(rows, abs=0.1)
    assert of(told, "engine_slots", **one) == 4
    assert of(told, "engine_requests", **one) == 0
