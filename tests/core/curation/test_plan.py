"""A plan says what is wrong with it, and where."""

from datetime import UTC, datetime

import pytest

from mainspring.curation.plan import curation_plan
from mainspring.errors import InvalidRequest, UnknownParameter


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "curate"),
        ({"traffic": {}}, "curate.traffic.basis"),
        ({"traffic": {"basis": "curiosity"}}, "curate.traffic.basis"),
        ({"uploads": [{"path": "a"}, {"licence": "MIT"}]}, "curate.uploads.1.path"),
        ({"library": {"nearest": 3}}, "curate.library"),
        ({"docstrings": ["a"], "held_out": 0.9}, "curate.held_out"),
        ({"docstrings": ["a"], "since": "2026-01-01T00:00:00"}, "curate.since"),
        ({"replay": [{"dataset": "../..", "share": 0.5}]}, "curate.replay.0.dataset"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        curation_plan(given)
    assert refused.value.field == field
    assert refused.value.remedy


def test_a_word_that_it_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownParameter) as refused:
        curation_plan({"docstrings": ["a"], "dedupe": True})
    assert refused.value.field == "curate.dedupe"


def test_it_comes_back_from_a_row_as_it_went_in() -> None:
    plan = curation_plan(
        {"traffic": {"basis": "consent", "days": 30.0}, "since": "2026-11-20T10:00:00Z", "docstrings": ["a"]}
    )
    assert plan.since == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert curation_plan(plan.model_dump(mode="json")) == plan
