"""Who is read, who decodes and who waits: numbers alone, without a model."""

import pytest

from workers.gpu.sampling import Sampling
from workers.gpu.slotted.pace import MOST, Pace
from workers.gpu.slotted.request import Request
from workers.gpu.slotted.table import Table

FIXED, EACH = 0.020, 0.0005  # seconds of a pass, and of each row in it


def _pass(pace: Pace, tokens: int, rows: int) -> float:
    seconds = FIXED + EACH * (tokens + rows)
    pace.passed(tokens, rows, seconds)
    return seconds


def _request(key: str, prompt: int, most: int = 100) -> Request:
    return Request(key, [1] * prompt, most, Sampling(seed=0))


def _table(tokens: int, chunk: int = 32) -> Table:
    return Table(4, tokens, Pace(chunk))


@pytest.mark.parametrize("rows", [4, 31, 63])
def test_a_pass_that_reads_takes_less_than_two_steps_whatever_was_measured_first(rows: int) -> None:
    pace = Pace()
    _pass(pace, pace.chunk(rows, 0), 0)
    step = _pass(pace, 0, rows)
    taken = [_pass(pace, pace.chunk(1, rows), rows) for _ in range(20)]
    assert max(taken) <= 2 * step
    assert min(taken[5:]) >= 1.5 * step


def test_nobody_decodes_so_as_much_as_fits_is_read() -> None:
    assert Pace().chunk(3, 0) == MOST


def test_more_is_read_where_many_read_and_few_decode() -> None:
    pace = Pace()
    _pass(pace, 256, 0)
    for rows in (31, 8):
        _pass(pace, 0, rows)
    for _ in range(10):
        _pass(pace, pace.chunk(24, 8), 8)
    assert pace.chunk(24, 8) >= 4 * pace.chunk(1, 31)


def test_one_slow_pass_changes_nothing() -> None:
    pace = Pace()
    for _ in range(5):
        _pass(pace, 0, 31)
        _pass(pace, 64, 31)
    usual = pace.chunk(1, 31)
    pace.passed(64, 31, 5.0)
    pace.passed(0, 31, 5.0)
    assert pace.chunk(1, 31) == usual


def test_a_long_prompt_is_not_read_as_if_it_cost_as_little_as_short_ones() -> None:
    pace = Pace()
    for _ in range(5):
        pace.passed(0, 31, 0.020)
        pace.passed(256, 31, 0.030)
        pace.passed(64, 31, 0.040, long=True)
    assert pace.chunk(1, 31) > 100
    assert pace.chunk(1, 31, long=True) == 48


def test_a_long_prompt_takes_its_own_positions_and_nobody_elses() -> None:
    table = _table(tokens=1024)
    table.waiting.extend([_request("a", 40), _request("b", 40), _request("long", 600), _request("c", 40)])
    table.admit()
    assert [request and request.key for request in table.held] == ["a", "b", "long", "c"]
    assert not table.waiting


def test_who_does_not_fit_waits_and_those_behind_wait_too() -> None:
    table = _table(tokens=512)
    table.waiting.extend([_request("a", 40), _request("long", 450), _request("c", 40)])
    table.admit()
    assert [request.key for request in table.waiting] == ["long", "c"]


def test_the_youngest_makes_room_and_the_oldest_always_stays() -> None:
    table = _table(tokens=256)
    a, b = _request("a", 20, 300), _request("b", 20, 300)
    table.waiting.extend([a, b])
    table.admit()
    for request in (a, b):
        request.tokens += [1] * 120
        request.fed = request.total - 1
    table.make_room()
    assert (table.waiting[0], b.fed) == (b, 0)
    a.tokens += [1] * 150
    table.make_room()
    assert a in table.held
