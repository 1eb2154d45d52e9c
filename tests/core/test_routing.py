"""Which version new work is drawn for: as often as the share says, always alike for one session."""

import random
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainspring.errors import NotReady
from mainspring.identifiers import uuid7
from mainspring.serving.route import Candidate, choose, position
from mainspring.serving.turns import Clock
from mainspring.tables import Stage

CLOCK, SINCE = Clock(None, None, None), datetime(2026, 1, 1, tzinfo=UTC)


def candidates(share: float, rollout: UUID) -> list[Candidate]:
    return [
        Candidate(uuid4(), 1, Stage.PRODUCTION, 0, CLOCK, SINCE),
        Candidate(uuid4(), 2, Stage.CANARY, 0, CLOCK, SINCE, rollout, share),
    ]


@pytest.mark.parametrize("share", [0.01, 0.05, 0.25, 0.5, 0.9])
def test_the_share_of_ten_thousand_jobs_is_within_a_point(share: float) -> None:
    """Of always the same identifiers. Each is drawn for itself: of others, one set in fifty would miss it at 25%."""
    identifiers = random.Random(11)
    live = candidates(share, UUID(int=identifiers.getrandbits(128)))
    drawn = [choose("d", live, UUID(int=identifiers.getrandbits(128))) for _ in range(10_000)]
    assert sum(one.version.number == 2 for one in drawn) / 10_000 == pytest.approx(share, abs=0.01)
    assert {(one.rollout, one.share) for one in drawn} == {(live[1].rollout, share)}


@given(key=st.uuids(), rollout=st.uuids(), shares=st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_a_larger_share_takes_nobody_back(key: UUID, rollout: UUID, shares: list[float]) -> None:
    """Who was drawn for the challenger would be so at every later step."""
    smaller, larger = sorted(shares)
    if choose("d", candidates(smaller, rollout), key).version.number == 2:
        assert choose("d", candidates(larger, rollout), key).version.number == 2


@given(key=st.uuids(), rollout=st.uuids())
def test_drawn_alike_every_time(key: UUID, rollout: UUID) -> None:
    assert 0 <= position(rollout, key) < 1
    assert position(rollout, key) == position(rollout, key)


def test_rollouts_draw_independently() -> None:
    """Else the same customers would be the canaries of every rollout."""
    keys, one, other = [uuid7() for _ in range(4000)], uuid4(), uuid4()
    both = sum(position(one, key) < 0.25 and position(other, key) < 0.25 for key in keys)
    assert both / 4000 == pytest.approx(0.0625, abs=0.02)


def test_without_a_rollout_the_champion_answers_and_nothing_is_compared() -> None:
    champion = Candidate(uuid4(), 1, Stage.PRODUCTION, 0, CLOCK, SINCE)
    other = Candidate(uuid4(), 2, Stage.DRAINING, 0, CLOCK, SINCE)
    drawn = choose("d", [other, champion], uuid7())
    assert (drawn.version, drawn.rollout, drawn.share) == (champion, None, None)


def test_without_a_champion_it_is_not_ready() -> None:
    with pytest.raises(NotReady, match="no version in production"):
        choose("d", [Candidate(uuid4(), 1, Stage.STAGING, 0, CLOCK, SINCE)], uuid7())
