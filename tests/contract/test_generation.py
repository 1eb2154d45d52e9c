"""What the engine of causal models promises beside the contract: exact, streamed, reproducible text."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event

import pytest
from transformers import PreTrainedTokenizerBase

from mainspring.errors import Cancelled, InvalidRequest, PromptTooLong
from mainspring.serving.engine import Engine, EngineAnswer, EngineRequest
from tests.contract.conftest import CAUSAL, Kind
from tests.contract.engines import before_each_pass, vary
from tests.contract.models import CONTEXT
from workers.gpu.load import load_model

Engines = Callable[[str], Engine]
Kinds = dict[str, Kind]
SECONDS = 20
WARM = {"temperature": 1.0, "top_p": 0.95, "top_k": 50}


def _text(future: Future[EngineAnswer]) -> str:
    text: str = future.result(SECONDS).output["text"]
    return text


@pytest.mark.parametrize("name", CAUSAL)
def test_greedy_tokens_are_those_of_generate(name: str, engines: Engines, kinds: Kinds) -> None:
    kind, engine = kinds[name], engines(name)
    loaded = load_model(kind.path, kind.task)
    prompts = [str(vary(kind, index)) for index in range(5)]
    answers = [engine.submit(kind.ask(prompt, max_tokens=32)) for prompt in prompts]
    for prompt, answer in zip(prompts, answers, strict=True):
        encoded = loaded.tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        made = loaded.model.generate(**encoded, max_new_tokens=32, do_sample=False)  # type: ignore[operator]
        new = made[0, encoded["input_ids"].shape[1] :]
        assert _text(answer) == loaded.tokenizer.decode(new, skip_special_tokens=True).replace("\0", "\ufffd")


@pytest.mark.parametrize("name", CAUSAL)
def test_streamed_pieces_joined_are_the_text(name: str, engines: Engines, kinds: Kinds) -> None:
    pieces: list[str] = []
    future = engines(name).submit(kinds[name].ask(max_tokens=60, **WARM), pieces.append)
    text = _text(future)
    assert "".join(pieces) == text
    assert len(pieces) > 5
    assert all(pieces)


def test_the_same_seed_gives_the_same_text_alone_in_a_crowd_and_after_a_rebuild(
    engines: Engines, fresh: Engines, kinds: Kinds
) -> None:
    kind, engine = kinds["llama"], engines("llama")
    alone = _text(engine.submit(kind.ask(seed=11, max_tokens=40, **WARM)))
    crowd = [
        engine.submit(kind.ask(vary(kind, index), seed=index, max_tokens=20, **WARM)) for index in range(20)
    ]
    again = engine.submit(kind.ask(seed=11, max_tokens=40, **WARM))
    assert _text(again) == alone
    assert _text(fresh("llama").submit(kind.ask(seed=11, max_tokens=40, **WARM))) == alone
    assert _text(engine.submit(kind.ask(seed=12, max_tokens=40, **WARM))) != alone
    assert len({_text(future) for future in crowd}) > 10


def test_the_parameter_seed_goes_before_the_jobs_own(engines: Engines, kinds: Kinds) -> None:
    kind, engine = kinds["llama"], engines("llama")
    own = EngineRequest("own", "The", {"temperature": 1.0, "seed": 5, "max_tokens": 16}, seed=1)
    other = EngineRequest("other", "The", own.parameters, seed=2)
    jobs = kind.ask("The", temperature=1.0, seed=5)
    assert len({_text(engine.submit(request)) for request in (own, other, jobs)}) == 1


def test_temperature_zero_and_none_are_greedy_and_top_k_one_too(engines: Engines, kinds: Kinds) -> None:
    kind, engine = kinds["llama"], engines("llama")
    greedy = _text(engine.submit(kind.ask()))
    assert _text(engine.submit(kind.ask(temperature=0.0))) == greedy
    assert _text(engine.submit(kind.ask(top_k=1))) == greedy
    assert _text(engine.submit(kind.ask(top_p=1e-6))) == greedy
    assert _text(engine.submit(kind.ask(temperature=1.5, seed=3))) != greedy


@pytest.mark.parametrize(("begin", "length"), [(3, 1), (5, 4), (9, 9), (0, 2)])
def test_a_stop_string_ends_the_text_before_it_and_is_never_streamed(
    begin: int, length: int, engines: Engines, kinds: Kinds
) -> None:
    kind, engine = kinds["llama"], engines("llama")
    whole = _text(engine.submit(kind.ask(max_tokens=40)))
    stop = whole[begin : begin + length]
    pieces: list[str] = []
    answer = engine.submit(kind.ask(max_tokens=40, stop=["never", stop]), pieces.append).result(SECONDS)
    assert answer.output == {"text": whole[: whole.index(stop)], "finish_reason": "stop"}
    assert "".join(pieces) == answer.output["text"]
    assert answer.usage["completion_tokens"] <= 40


def test_what_only_looked_like_a_stop_string_is_given_out(engines: Engines, kinds: Kinds) -> None:
    kind, engine = kinds["llama"], engines("llama")
    whole = _text(engine.submit(kind.ask()))
    pieces: list[str] = []
    future = engine.submit(kind.ask(stop=[whole[-4:] + "…", whole[2:5] + "…"]), pieces.append)
    assert _text(future) == whole == "".join(pieces)


def test_max_tokens_is_kept_and_capped_by_the_context(engines: Engines, kinds: Kinds) -> None:
    kind, engine = kinds["llama"], engines("llama")
    short = engine.submit(kind.ask(max_tokens=7)).result(SECONDS)
    assert short.usage["completion_tokens"] == 7
    assert short.output["finish_reason"] == "length"
    request = kind.ask()
    request.parameters.pop("max_tokens")
    capped = engine.submit(request).result(SECONDS)
    assert sum(capped.usage.values()) <= CONTEXT
    with pytest.raises(PromptTooLong, match=rf"has 6 tokens and {CONTEXT} more .* {CONTEXT} in all"):
        engine.submit(kind.ask(max_tokens=CONTEXT)).result(SECONDS)


def test_messages_go_through_the_chat_template(engines: Engines, kinds: Kinds) -> None:
    messages = {"messages": [{"role": "user", "content": "Who?"}]}
    engine, kind = engines("llama"), kinds["llama"]
    plain = engine.submit(kind.ask("<user>Who?\n<assistant>")).result(SECONDS)
    chat = engine.submit(kind.ask(messages)).result(SECONDS)
    assert (chat.output, chat.usage) == (plain.output, plain.usage)
    with pytest.raises(InvalidRequest, match="chat template") as refused:
        engines("gpt2").submit(kinds["gpt2"].ask(messages)).result(SECONDS)
    assert refused.value.field == "input"


def test_a_prompt_without_tokens_is_refused(engines: Engines, kinds: Kinds) -> None:
    with pytest.raises(InvalidRequest):
        engines("llama").submit(kinds["llama"].ask("")).result(SECONDS)


def test_a_cancelled_request_takes_at_most_two_more_steps(fresh: Engines, kinds: Kinds) -> None:
    engine, kind = fresh("llama"), kinds["llama"]
    request, steps, over = kind.ask(max_tokens=100), [0], Event()

    def cancel_at_the_tenth() -> None:
        steps[0] += 1
        if steps[0] == 10:
            engine.cancel(request.id)
            over.set()

    pieces: list[str] = []
    with before_each_pass(engine, cancel_at_the_tenth):
        future = engine.submit(request, pieces.append)
        assert over.wait(SECONDS)
        with pytest.raises(Cancelled):
            future.result(0)
        heard = len(pieces)
        assert engine.submit(kind.ask(max_tokens=5)).result(SECONDS).output
    assert steps[0] <= 10 + 2 + 5
    assert len(pieces) == heard


def test_prompts_longer_than_one_step_are_read_in_parts(
    tokenizer: PreTrainedTokenizerBase, long_engine: Engine
) -> None:
    kind = Kind("long", "text-generation", path=None)  # type: ignore[arg-type]
    prompt = "The watch runs. " * 150
    count = len(tokenizer(prompt)["input_ids"])
    assert count > 600
    answers = [long_engine.submit(kind.ask(prompt, max_tokens=8)) for _ in range(3)]
    assert len({_text(answer) for answer in answers}) == 1
    assert answers[0].result(0).usage == {"prompt_tokens": count, "completion_tokens": 8}
