"""What every engine promises (`mainspring/serving/engine.py`), each promise tried on each of them."""

import random
from collections.abc import Callable
from concurrent.futures import wait
from threading import Event
from typing import Any

import pytest

from mainspring.errors import Cancelled, EngineFailed, EngineStopping, InvalidRequest, PromptTooLong
from mainspring.serving.engine import Engine
from mainspring.settings import Settings
from tests.contract.conftest import CAUSAL, ENCODERS, SEQ2SEQ, STOCK, Kind
from tests.contract.engines import broken_by, hold, long_input, model_of, vary
from workers.gpu.load import load_version

ALL = [*CAUSAL, STOCK, *ENCODERS, "minilm", *SEQ2SEQ]
EVERY = pytest.mark.parametrize("name", ALL)
ONE_OF_EACH = pytest.mark.parametrize("name", ["llama", STOCK, "text-classification", "t5"])
Engines = Callable[[str], Engine]
Kinds = dict[str, Kind]
SECONDS = 20


@EVERY
def test_answers_with_usage_and_times(name: str, engines: Engines, kinds: Kinds) -> None:
    answer = engines(name).submit(kinds[name].ask()).result(SECONDS)
    assert answer.output
    assert answer.usage["prompt_tokens"] > 0
    assert 0 < answer.engine_seconds < SECONDS
    if kinds[name].writes:
        assert answer.usage["completion_tokens"] > 0
        assert 0 < (answer.first_token_seconds or 0) <= answer.engine_seconds
        assert (answer.mean_logprob or 0) < 0


@pytest.mark.parametrize("name", ["llama", STOCK])
def test_each_token_is_heard_and_the_cache_is_looked_at(name: str, fresh: Engines, kinds: Kinds) -> None:
    engine, kind, seen = fresh(name), kinds[name], []
    assert engine.health().cache_used == pytest.approx(0, abs=1e-6)
    asked = kind.ask(max_tokens=12)
    answer = engine.submit(asked, lambda _: seen.append(engine.health().cache_used)).result(SECONDS)
    assert len(answer.gaps) == answer.usage["completion_tokens"] - 1
    assert 0 < sum(answer.gaps) <= answer.engine_seconds - (answer.first_token_seconds or 0) + 1e-6
    assert 0 < max(used for used in seen if used is not None) <= 1


@EVERY
def test_an_answer_does_not_depend_on_the_order_or_the_neighbours(
    name: str, engines: Engines, kinds: Kinds
) -> None:
    engine, kind = engines(name), kinds[name]
    requests = [kind.ask(vary(kind, index), seed=index) for index in range(12)]
    alone = {request.id: engine.submit(request).result(SECONDS).output for request in requests}
    shuffled = random.Random(3).sample(requests, len(requests))
    crowd = {request.id: engine.submit(request) for request in shuffled}
    for request_id, future in crowd.items():
        assert _rounded(future.result(SECONDS).output) == _rounded(alone[request_id])


@EVERY
def test_more_requests_than_capacity_are_all_answered(name: str, engines: Engines, kinds: Kinds) -> None:
    engine, kind = engines(name), kinds[name]
    parameters = {"max_tokens": 3} if kind.writes else {}
    futures = [
        engine.submit(kind.ask(vary(kind, index), **parameters)) for index in range(engine.capacity + 8)
    ]
    assert all(future.result(SECONDS).output for future in futures)
    assert engine.health().pending == 0


@EVERY
def test_too_long_an_input_is_refused_with_both_lengths(name: str, engines: Engines, kinds: Kinds) -> None:
    kind = kinds[name]
    with pytest.raises(PromptTooLong, match=r"\d+ tokens.* \d+") as refused:
        engines(name).submit(kind.ask(long_input(kind))).result(SECONDS)
    assert refused.value.field
    assert refused.value.remedy


@EVERY
def test_unknown_cancels_are_ignored_and_an_ended_request_stays_ended(
    name: str, engines: Engines, kinds: Kinds
) -> None:
    engine, request = engines(name), kinds[name].ask()
    engine.cancel("nobody")
    future = engine.submit(request)
    assert future.result(SECONDS).output
    engine.cancel(request.id)
    assert future.result(0).output


@EVERY
def test_an_id_that_is_being_answered_is_refused(name: str, fresh: Engines, kinds: Kinds) -> None:
    engine, request = fresh(name), kinds[name].ask()
    with hold(engine):
        first = engine.submit(request)
        with pytest.raises(InvalidRequest):
            engine.submit(request).result(SECONDS)
    assert first.result(SECONDS).output


@ONE_OF_EACH
def test_a_waiting_request_is_cancelled_at_once(name: str, fresh: Engines, kinds: Kinds) -> None:
    engine, kind = fresh(name), kinds[name]
    with hold(engine) as entered:
        first = engine.submit(kind.ask())
        assert entered.wait(SECONDS)
        waiting = kind.ask()
        future = engine.submit(waiting)
        engine.cancel(waiting.id)
        with pytest.raises(Cancelled):
            future.result(0)
        assert engine.health().pending == 1
    assert first.result(SECONDS).output


@EVERY
def test_stop_with_time_to_drain_finishes_what_runs(name: str, fresh: Engines, kinds: Kinds) -> None:
    engine, kind = fresh(name), kinds[name]
    futures = [engine.submit(kind.ask(vary(kind, index))) for index in range(6)]
    engine.stop(SECONDS)
    assert all(future.result(0).output for future in futures)
    with pytest.raises(EngineStopping):
        engine.submit(kind.ask()).result(0)
    assert not engine.health().alive


@ONE_OF_EACH
def test_stop_without_drain_gives_the_rest_back(name: str, fresh: Engines, kinds: Kinds) -> None:
    engine, kind = fresh(name), kinds[name]
    with hold(engine, seconds=0.3) as entered:
        futures = [engine.submit(kind.ask(vary(kind, index))) for index in range(40)]
        assert entered.wait(SECONDS)
        engine.stop(0)
    ended = [type(future.exception(0)) for future in futures]  # the pass under way may still give answers
    assert set(ended) <= {EngineStopping, type(None)}
    assert EngineStopping in ended


@ONE_OF_EACH
def test_health_tells_of_work_and_progress(name: str, fresh: Engines, kinds: Kinds) -> None:
    engine, kind = fresh(name), kinds[name]
    idle = engine.health()
    assert (idle.alive, idle.pending, idle.idle_seconds) == (True, 0, 0)
    with hold(engine) as entered:
        future = engine.submit(kind.ask())
        assert entered.wait(SECONDS)
        before = engine.health()
        assert not Event().wait(0.2)
        hanging = engine.health()
    assert hanging.alive
    assert hanging.pending == 1
    assert hanging.idle_seconds >= before.idle_seconds + 0.19
    assert future.result(SECONDS).output
    assert engine.health().idle_seconds == 0


@ONE_OF_EACH
def test_a_dead_engine_says_so_and_fails_what_it_held_and_what_comes(
    name: str, fresh: Engines, kinds: Kinds
) -> None:
    engine, kind = fresh(name), kinds[name]
    with broken_by(engine, RuntimeError("broken for the test")):
        futures = [engine.submit(kind.ask()) for _ in range(5)]
        for future in futures:
            assert type(future.exception(SECONDS)) is EngineFailed
    assert not engine.health().alive
    assert isinstance(engine.submit(kind.ask()).exception(SECONDS), EngineFailed)
    assert engine.health().pending == 0
    engine.stop(0)


@ONE_OF_EACH
def test_a_hung_engine_is_left_behind_in_bounded_time(name: str, fresh: Engines, kinds: Kinds) -> None:
    engine, kind = fresh(name), kinds[name]
    with hold(engine) as entered:
        futures = [engine.submit(kind.ask()) for _ in range(3)]
        assert entered.wait(SECONDS)
        engine.stop(0)
        done, missing = wait(futures, timeout=0)
        assert not missing
        assert {type(future.exception()) for future in done} == {EngineFailed}


def test_numbers_that_are_not_finite_fail_the_request_and_spare_the_engine(
    fresh: Engines, kinds: Kinds
) -> None:
    engine, kind = fresh("llama"), kinds["llama"]
    norm: Any = model_of(engine).model.norm
    handle = norm.register_forward_hook(lambda _module, _inputs, output: output * float("nan"))
    with pytest.raises(EngineFailed):
        engine.submit(kind.ask()).result(SECONDS)
    handle.remove()
    assert engine.submit(kind.ask()).result(SECONDS).output
    assert engine.health().alive


def test_a_listener_that_fails_ends_its_own_request_only(fresh: Engines, kinds: Kinds) -> None:
    engine, kind = fresh("llama"), kinds["llama"]

    def listen(_text: str) -> None:
        raise ValueError

    failing = engine.submit(kind.ask(), listen)
    other = engine.submit(kind.ask(vary(kind, 1)))
    assert isinstance(failing.exception(SECONDS), EngineFailed)
    assert other.result(SECONDS).output


def test_a_cache_too_small_for_all_still_answers_all_the_same(kinds: Kinds, in_float32: None) -> None:
    kind = kinds["llama"]
    roomy = load_version(kind.path, kind.task, Settings())
    tight = load_version(kind.path, kind.task, Settings(kv_cache_bytes=512 * 160))
    parameters = {"max_tokens": 90, "temperature": 1.0}
    requests = [kind.ask(vary(kind, index), seed=index, **parameters) for index in range(6)]
    expected = [roomy.submit(request).result(SECONDS) for request in requests]
    answers = [future.result(SECONDS) for future in [tight.submit(request) for request in requests]]
    roomy.stop()
    tight.stop()
    for answer, wanted in zip(answers, expected, strict=True):
        assert answer.output == wanted.output
        assert answer.usage == wanted.usage
        assert answer.mean_logprob == pytest.approx(wanted.mean_logprob, abs=1e-3)
        assert answer.measures["entropy"] == pytest.approx(wanted.measures["entropy"], abs=1e-3)


def _rounded(output: Any) -> Any:
    if isinstance(output, float):
        return round(output, 3)
    if isinstance(output, dict):
        return {key: _rounded(value) for key, value in output.items()}
    return [_rounded(one) for one in output] if isinstance(output, list) else output
