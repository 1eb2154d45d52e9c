"""The engine over HTTP on a stand-in of the server: the contract, and everything that a server may do to it."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from mainspring.errors import (
    Cancelled,
    EngineFailed,
    EngineStopping,
    InvalidRequest,
    ModelRefused,
    PromptTooLong,
)
from mainspring.serving.engine import EngineRequest
from mainspring.settings import Settings
from mainspring.tracecontext import TraceContext
from tests.api.serving import until
from tests.contract.remote import Child
from tests.contract.remote_contract import *  # noqa: F403  the tests themselves
from tests.contract.remote_contract import PROMPT, SECONDS, Side, ask, text
from tests.contract.stand_in import CONTEXT
from workers.gpu import prompts
from workers.remote import wire
from workers.remote.calls import Served
from workers.remote.engine import HttpEngine
from workers.remote.load import load_remote
from workers.remote.server import Given


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    with Child(tmp_path_factory.mktemp("served")) as child:
        side = Side(child.connect, CONTEXT, child.running)
        yield side
        side.close()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    with Child(tmp_path) as child:
        yield child


def test_every_parameter_is_said(child: Child) -> None:
    engine = child.connect()
    text(engine.submit(EngineRequest("plain", PROMPT, {"max_tokens": 2}, 7)))
    said = child.told()["asked"]
    assert {name: said[name] for name in ("temperature", "top_p", "top_k", "seed", "max_tokens", "stop")} == {
        "temperature": 0,
        "top_p": 1,
        "top_k": 0,
        "seed": 7,
        "max_tokens": 2,
        "stop": [],
    }
    text(engine.submit(ask(top_p=0.5)))
    assert child.told()["asked"]["temperature"] == 1
    assert wire.DEFAULT_MAX_TOKENS == prompts.DEFAULT_MAX_TOKENS
    engine.stop()


def test_a_server_that_keeps_what_it_has_read_is_told_for_whom(child: Child) -> None:
    engine = child.connect()
    text(engine.submit(EngineRequest("theirs", PROMPT, {"max_tokens": 2}, 7, scope="theirs")))
    assert child.told()["asked"]["cache_salt"] == "theirs"
    text(engine.submit(EngineRequest("anybody's", PROMPT, {"max_tokens": 2}, 7)))
    assert "cache_salt" not in child.told()["asked"]
    engine.stop()


def test_a_server_is_told_which_trace_it_works_for(child: Child) -> None:
    engine = child.connect()
    trace = TraceContext(f"00-{'1' * 32}-{'2' * 16}-01", "theirs=x1")
    text(engine.submit(EngineRequest("traced", PROMPT, {"max_tokens": 2}, 7, trace=trace)))
    assert child.told()["trace"] == [*trace]
    text(engine.submit(EngineRequest("untraced", PROMPT, {"max_tokens": 2}, 7)))
    assert child.told()["trace"] == [None, None]
    engine.stop()


def test_a_server_that_dies_fails_what_it_held_and_is_noticed(child: Child) -> None:
    engine = child.connect()
    child.tell(held=True)
    futures = [engine.submit(ask()) for _ in range(5)]
    until(lambda: child.running() == 5)
    child.die()
    for future in futures:
        assert type(future.exception(SECONDS)) is EngineFailed
    until(lambda: not engine.health().alive, 3)
    late = engine.submit(ask()).exception(SECONDS)
    assert isinstance(late, EngineFailed)
    assert late.retryable
    assert engine.health().pending == 0
    engine.stop()


def test_a_connection_that_is_lost_before_anything_was_heard_is_made_anew_once(child: Child) -> None:
    """A server that lives closes one that was idle, maybe in the very moment in which it is used."""
    engine = child.connect()
    child.tell(closes=1)
    assert text(engine.submit(ask()))
    child.tell(closes=2)
    assert type(engine.submit(ask()).exception(SECONDS)) is EngineFailed
    assert child.told()["closes"] == 0
    assert text(engine.submit(ask()))
    engine.stop()


def test_a_server_that_is_not_well_makes_the_engine_dead_until_it_is_well_again(child: Child) -> None:
    engine = child.connect()
    child.tell(healthy=False)
    until(lambda: not engine.health().alive, 3)
    child.tell(healthy=True)
    until(lambda: engine.health().alive, 3)
    engine.stop()


def test_a_hung_server_is_left_behind_in_bounded_time(child: Child) -> None:
    engine = child.connect(hang_seconds=0.2)
    child.tell(held=True)
    futures = [engine.submit(ask()) for _ in range(3)]
    until(lambda: child.running() == 3)
    sleep(0.3)
    assert engine.health().idle_seconds > 0.2
    began = monotonic()
    engine.stop()
    assert monotonic() - began < 3
    assert {type(future.exception(0)) for future in futures} == {EngineFailed}
    until(lambda: child.told()["cut"] == 3, 3)


def test_a_cancelled_request_that_waits_is_cut_too(child: Child) -> None:
    engine, request = child.connect(), ask()
    child.tell(held=True)
    future = engine.submit(request)
    until(lambda: child.running() == 1)
    engine.cancel(request.id)
    assert future.done()
    until(lambda: child.told()["cut"] == 1, 2)
    assert engine.health().pending == 0
    engine.stop()


@pytest.mark.parametrize(
    "say", ['{"error": {"message": "it broke", "code": 500}}', "not JSON", "[DONE]", "7"]
)
def test_an_answer_that_breaks_off_is_no_answer_and_spares_the_others(say: str, child: Child) -> None:
    engine = child.connect()
    child.tell(say=say)
    assert type(engine.submit(ask()).exception(SECONDS)) is EngineFailed
    child.tell(say="")
    assert text(engine.submit(ask()))
    engine.stop()


def test_lengths_are_read_from_the_refusal_where_the_server_cannot_count(child: Child) -> None:
    engine = child.connect()
    child.tell(tokenizes=False, clamps=False)
    with pytest.raises(PromptTooLong, match=r"has 5 tokens and 128 more .* 128 in all"):
        engine.submit(ask(max_tokens=128)).result(SECONDS)
    capped = engine.submit(EngineRequest("capped", PROMPT, {}, 1)).result(SECONDS)
    assert sum(capped.usage.values()) == CONTEXT
    with pytest.raises(InvalidRequest):
        engine.submit(ask("")).result(SECONDS)
    engine.stop()


def test_a_server_that_refuses_rather_than_writes_less_is_told_how_much_there_is_room_for(
    child: Child,
) -> None:
    engine = child.connect()
    child.tell(clamps=False)
    capped = engine.submit(EngineRequest("capped", PROMPT, {}, 1)).result(SECONDS)
    assert sum(capped.usage.values()) == CONTEXT
    engine.stop()


def test_what_is_far_from_the_limit_is_not_counted(child: Child) -> None:
    engine = HttpEngine(Given(child.url), Served(str(child.folder), 10_000))
    assert text(engine.submit(ask()))
    assert child.told()["counted"] == 0
    assert text(engine.submit(ask("watch " * 50, max_tokens=30)))
    with pytest.raises(PromptTooLong):
        engine.submit(ask(max_tokens=9_995)).result(SECONDS)
    assert child.told()["counted"] == 1
    engine.stop()


def test_a_given_server_is_used_for_the_very_folder_that_it_serves(child: Child, tmp_path: Path) -> None:
    settings = Settings(engine_url=f"{child.url}/")
    engine = load_remote(child.folder, settings)
    assert text(engine.submit(ask()))
    engine.stop()
    assert child.running() == 0
    with pytest.raises(ModelRefused) as refused:
        load_remote(tmp_path / "another", settings)
    assert "another" in (refused.value.remedy or "")


@pytest.mark.parametrize(
    ("status", "retry_after"), [(429, ""), (503, "1"), (503, "Wed, 21 Oct 2015 07:28:00 GMT")]
)
def test_a_busy_server_is_waited_for(status: int, retry_after: str, child: Child) -> None:
    engine = child.connect()
    child.tell(busy=3, status=status, retry_after=retry_after)
    began = monotonic()
    assert all(text(engine.submit(ask())) for _ in range(2))
    assert monotonic() - began > (3 * 0.9 if retry_after == "1" else 0.2)
    assert child.told()["busy"] == 0
    engine.stop()


def test_a_server_that_stays_busy_gives_the_job_back_without_a_loss(child: Child) -> None:
    engine = child.connect(hang_seconds=0.8)
    child.tell(busy=1000)
    waiting = engine.submit(ask())
    assert engine.health().alive
    assert type(waiting.exception(SECONDS)) is EngineStopping
    request = ask()
    cancelled, held = engine.submit(request), engine.submit(ask())
    engine.cancel(request.id)
    assert type(cancelled.exception(0)) is Cancelled
    until(lambda: engine._waiting)
    child.tell(healthy=False)
    engine.stop()
    assert type(held.exception(0)) is EngineStopping


def test_messages_that_no_template_can_write_down_are_sent_as_text(child: Child) -> None:
    engine = child.connect()
    child.tell(templated=False)
    messages = [{"role": "user", "content": "Who?"}]
    assert text(engine.submit(ask({"messages": messages, "as_text": "Who?"}))) == text(
        engine.submit(ask("Who?"))
    )
    with pytest.raises(InvalidRequest, match="chat template"):
        engine.submit(ask({"messages": messages})).result(SECONDS)
    engine.stop()


def test_a_given_server_may_want_a_key_and_no_other_host_gets_it(tmp_path: Path) -> None:
    with Child(tmp_path, key="open sesame") as child:
        with pytest.raises(ModelRefused, match="another key"):
            load_remote(child.folder, Settings(engine_url=child.url))
        settings = Settings(engine_key="open sesame")
        assert "sesame" not in repr(settings)
        for url in ("", child.url):
            engine = load_remote(child.folder, settings.model_copy(update={"engine_url": url}), child.url)
            assert text(engine.submit(ask()))
            engine.stop()
        elsewhere = settings.model_copy(update={"engine_url": "http://localhost:1"})
        with pytest.raises(ModelRefused, match="another key"):
            load_remote(child.folder, elsewhere, child.url)


def test_stopping_twice_is_stopping_once(child: Child) -> None:
    engine = child.connect()
    engine.stop()
    engine.stop()
    assert type(engine.submit(ask()).exception(0)) is EngineStopping
