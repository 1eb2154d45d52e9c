"""What the engine over HTTP promises on any server: the stand-in here, the real vLLM in tests/vllm.

Not collected by itself: a test file that imports these tests gives them the fixture `side`.
"""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from mainspring.errors import Cancelled, EngineStopping, InvalidRequest, PromptTooLong
from mainspring.serving.engine import EngineAnswer, EngineRequest
from tests.api.serving import until
from workers.remote.engine import HttpEngine

SECONDS = 60
PROMPT = "The mainspring of a watch"
WARM = {"temperature": 1.0, "top_p": 0.95, "top_k": 50}


@dataclass
class Side:
    """A server that serves one version. `context`: its tokens. `running`: how many answers it is writing."""

    connect: Callable[[], HttpEngine]
    context: int
    running: Callable[[], int]
    opened: list[HttpEngine] = field(default_factory=list)

    @property
    def engine(self) -> HttpEngine:
        """One for the tests that only ask."""
        return self.opened[0] if self.opened else self.fresh()

    def fresh(self) -> HttpEngine:
        self.opened.append(self.connect())
        return self.opened[-1]

    def close(self) -> None:
        for engine in self.opened:
            engine.stop()

    def submit(self, given: Any = PROMPT, on_text: Any = None, **asked: Any) -> Future[EngineAnswer]:
        return self.engine.submit(ask(given, **asked), on_text)


def ask(given: Any = PROMPT, *, seed: int = 1, **parameters: Any) -> EngineRequest:
    """16 tokens, unless told otherwise."""
    return EngineRequest(uuid4().hex, given, {"max_tokens": 16} | parameters, seed)


def text(future: Future[EngineAnswer]) -> str:
    written: str = future.result(SECONDS).output["text"]
    return written


def test_answers_with_usage_and_times(side: Side) -> None:
    answer = side.submit().result(SECONDS)
    assert answer.output["text"]
    assert answer.output["finish_reason"] == "length"
    assert answer.usage["prompt_tokens"] > 0
    assert answer.usage["completion_tokens"] == 16
    assert 0 < (answer.first_token_seconds or 0) <= answer.engine_seconds < SECONDS
    assert -20 < (answer.mean_logprob or 0) < 0
    assert 0 < len(answer.gaps) < 16


def test_an_answer_does_not_depend_on_the_order_or_the_neighbours(side: Side) -> None:
    prompts = [f"{PROMPT} {'again ' * (index % 5)}{index}" for index in range(12)]
    alone = [text(side.submit(prompt)) for prompt in prompts]
    crowd = [side.submit(prompt) for prompt in reversed(prompts)]
    assert [text(future) for future in reversed(crowd)] == alone
    assert len(set(alone)) > 6


def test_streamed_pieces_joined_are_the_text(side: Side) -> None:
    pieces: list[str] = []
    written = text(side.submit(PROMPT, pieces.append, max_tokens=60, **WARM))
    assert "".join(pieces) == written
    assert "\0" not in written
    assert len(pieces) > 5
    assert all(pieces)


def test_the_same_seed_gives_the_same_text_and_the_parameter_goes_before_the_jobs_own(side: Side) -> None:
    first = text(side.submit(seed=11, max_tokens=40, **WARM))
    assert text(side.submit(seed=11, max_tokens=40, **WARM)) == first
    assert text(side.submit(seed=12, max_tokens=40, **WARM)) != first
    own = EngineRequest("own", PROMPT, {"max_tokens": 40, "seed": 11, **WARM}, seed=3)
    assert text(side.engine.submit(own)) == first


def test_temperature_zero_and_none_are_greedy_and_top_k_one_too(side: Side) -> None:
    greedy = text(side.submit())
    assert text(side.submit(temperature=0.0, seed=5)) == greedy
    assert text(side.submit(top_k=1, seed=6)) == greedy
    assert text(side.submit(top_p=1e-6, seed=7)) == greedy
    assert text(side.submit(temperature=1.5, seed=3)) != greedy


@pytest.mark.parametrize(("begin", "length"), [(3, 1), (5, 4), (9, 6)])
def test_a_stop_string_ends_the_text_before_it_and_is_never_streamed(
    begin: int, length: int, side: Side
) -> None:
    whole = text(side.submit(max_tokens=40))
    stop = whole[begin : begin + length]
    pieces: list[str] = []
    answer = side.submit(PROMPT, pieces.append, max_tokens=40, stop=["never", stop]).result(SECONDS)
    assert answer.output == {"text": whole[: whole.index(stop)], "finish_reason": "stop"}
    assert "".join(pieces) == answer.output["text"]
    assert answer.usage["completion_tokens"] <= 40


def test_without_max_tokens_the_context_is_the_limit(side: Side) -> None:
    prompt = "watch " * (side.context // 10)
    counted = side.submit(prompt).result(SECONDS).usage["prompt_tokens"]
    long = prompt * ((side.context - 100) // counted)
    answer = side.engine.submit(EngineRequest("capped", long, {}, 1)).result(SECONDS)
    assert sum(answer.usage.values()) <= side.context
    assert answer.usage["completion_tokens"] < 256


def test_too_long_is_refused_with_both_lengths(side: Side) -> None:
    counted = side.submit().result(SECONDS).usage["prompt_tokens"]
    limit = side.context
    with pytest.raises(
        PromptTooLong, match=rf"has {counted} tokens and {limit} more .* {limit} in all"
    ) as asked:
        side.submit(max_tokens=limit).result(SECONDS)
    assert asked.value.field == "parameters.max_tokens"
    with pytest.raises(PromptTooLong, match=rf"has \d+ tokens.* {limit} in all") as refused:
        side.submit("watch " * limit).result(SECONDS)
    assert refused.value.field == "input"
    assert refused.value.remedy


def test_messages_go_through_the_chat_template(side: Side) -> None:
    messages = {"messages": [{"role": "user", "content": "Who?"}]}
    pieces: list[str] = []
    plain = side.submit("<user>Who?\n<assistant>").result(SECONDS)
    chat = side.submit(messages, pieces.append).result(SECONDS)
    assert (chat.output, chat.usage) == (plain.output, plain.usage)
    assert "".join(pieces) == chat.output["text"]
    assert chat.mean_logprob == pytest.approx(plain.mean_logprob, abs=1e-3)
    with pytest.raises(PromptTooLong):
        side.submit({"messages": [{"role": "user", "content": "watch " * side.context}]}).result(SECONDS)


def test_a_prompt_without_tokens_is_refused(side: Side) -> None:
    with pytest.raises(InvalidRequest) as refused:
        side.submit("").result(SECONDS)
    assert refused.value.field == "input"


def test_more_requests_than_capacity_are_all_answered(side: Side) -> None:
    futures = [side.submit(f"{PROMPT} {index}", max_tokens=3) for index in range(HttpEngine.capacity + 8)]
    assert all(future.result(SECONDS).output["text"] is not None for future in futures)
    assert side.engine.health().pending == 0


def test_a_cancelled_request_ends_at_once_and_the_server_stops_writing(side: Side) -> None:
    pieces: list[str] = []
    request = ask(max_tokens=side.context - 40)
    future = side.engine.submit(request, pieces.append)
    until(lambda: pieces, SECONDS)
    side.engine.cancel(request.id)
    with pytest.raises(Cancelled):
        future.result(0)
    until(lambda: side.running() == 0, 2)
    heard = len(pieces)
    assert text(side.submit())
    assert len(pieces) == heard < side.context - 50
    side.engine.cancel(request.id)
    side.engine.cancel("nobody")


def test_an_id_that_is_being_answered_is_refused(side: Side) -> None:
    request = ask(max_tokens=64)
    first = side.engine.submit(request)
    with pytest.raises(InvalidRequest):
        side.engine.submit(request).result(SECONDS)
    assert text(first)


def test_stop_with_time_to_drain_finishes_what_runs(side: Side) -> None:
    engine = side.fresh()
    futures = [engine.submit(ask(f"{PROMPT} {index}")) for index in range(6)]
    engine.stop(SECONDS)
    assert all(future.result(0).output for future in futures)
    with pytest.raises(EngineStopping):
        engine.submit(ask()).result(0)
    assert not engine.health().alive


def test_stop_without_drain_gives_the_rest_back(side: Side) -> None:
    engine = side.fresh()
    futures = [engine.submit(ask(f"{PROMPT} {index}", max_tokens=64)) for index in range(40)]
    engine.stop(0)
    assert {type(future.exception(0)) for future in futures} <= {EngineStopping, type(None)}
    assert EngineStopping in {type(future.exception(0)) for future in futures}
    until(lambda: side.running() == 0, 5)


def test_health_tells_of_work(side: Side) -> None:
    engine = side.fresh()
    idle = engine.health()
    assert (idle.alive, idle.pending, idle.idle_seconds) == (True, 0, 0)
    future = engine.submit(ask(max_tokens=64))
    assert engine.health().pending == 1
    assert text(future)
    assert engine.health().idle_seconds == 0


def test_a_listener_that_fails_ends_its_own_request_only(side: Side) -> None:
    def listen(_text: str) -> None:
        raise ValueError

    failing = side.submit(PROMPT, listen)
    other = side.submit(f"{PROMPT} runs")
    assert getattr(failing.exception(SECONDS), "code", None) == "engine_failed"
    assert text(other)
