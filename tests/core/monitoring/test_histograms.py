"""Percentiles of classes against exact ones; classes and means of parts against those of the whole."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from mainspring.figures.histogram import ERROR, GROWTH, LEAST, MOST, quantiles
from mainspring.figures.hours import time_class
from mainspring.figures.moments import Moments, merged
from mainspring.settings import Settings
from mainspring.tables import Database
from tests.servers import Servers

CLASSES = text(
    f"select {time_class('seconds')} as class from unnest(cast(:all as double precision[])) as of (seconds)"
)
TIMES = st.lists(st.floats(LEAST, MOST), min_size=1, max_size=200)
SHARES = st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 1.0])


@pytest.fixture(scope="module")
def connection(servers: Servers) -> Iterator[Connection]:
    database = Database(Settings(database_url=servers.database_url("postgres")).database_url)
    with database.begin() as opened:
        yield opened
    database.close()


def classes(connection: Connection, seconds: list[float]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in connection.scalars(CLASSES, {"all": seconds}):
        found[str(one)] = found.get(str(one), 0) + 1
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=TIMES, share=SHARES)
def test_a_percentile_is_as_exact_as_it_says(
    connection: Connection, seconds: list[float], share: float
) -> None:
    found = quantiles(classes(connection, seconds), {"it": share})["it"]
    exact = sorted(seconds)[math.floor(share * (len(seconds) - 1))]
    assert found["value"] == pytest.approx(exact, rel=ERROR + 1e-9, abs=1e-6)
    assert found["count"] == len(seconds)


def test_times_beyond_the_classes_count_as_their_ends(connection: Connection) -> None:
    found = classes(connection, [0.0, -1.0, 1e9])
    assert sorted(found.values()) == [1, 2]
    assert all(LEAST * 0.9 <= GROWTH ** int(one) <= MOST * GROWTH for one in found)


def test_the_interval_holds_the_percentile_as_often_as_it_says(connection: Connection) -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        found = quantiles(classes(connection, rng.exponential(size=200).tolist()), {"p90": 0.9})["p90"]
        assert found["low"] is not None
        assert found["high"] is not None
        held += found["low"] <= math.log(10) <= found["high"]
    assert held >= 0.93 * 400


@settings(deadline=None)
@given(parts=st.lists(st.lists(st.floats(-1e6, 1e6), max_size=20), min_size=1, max_size=6))
def test_parts_are_the_whole(parts: list[list[float]]) -> None:
    values = [one for part in parts for one in part]
    found = merged(of(part) for part in parts)
    whole = of(values)
    assert found.count == whole.count
    assert found.mean == pytest.approx(whole.mean, abs=1e-6, rel=1e-9)
    assert found.squares == pytest.approx(whole.squares, rel=1e-6, abs=1e-2)
    assert (found.least, found.most) == (whole.least, whole.most)


def of(values: list[float]) -> Moments:
    if not values:
        return Moments(0)
    mean = math.fsum(values) / len(values)
    return Moments(
        len(values), mean, math.fsum((one - mean) ** 2 for one in values), min(values), max(values)
    )


def test_nothing_has_no_percentile() -> None:
    assert quantiles({}, {"p50": 0.5}) == {}
