"""What the slots promise: the tokens of `generate`, whoever else is there, whenever they came, compiled or not."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from queue import Queue
from signal import SIGKILL
from subprocess import PIPE, Popen
from threading import Event
from threading import enumerate as all_threads
from typing import Any

import pytest
import structlog
import torch
from structlog.types import EventDict
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tests.contract import slotted_models as tiny
from tests.contract.slotting import MOST, SECONDS, Told
from workers.gpu.native.build import able
from workers.gpu.planning import plan_for
from workers.gpu.sampling import Sampling
from workers.gpu.slotted.compiled import Passes
from workers.gpu.slotted.compiling import ANY, SHORT
from workers.gpu.slotted.grains import SHORT as SHORT_POSITIONS
from workers.gpu.slotted.passes import prepare

COMPILED_SECONDS = 120
LENGTHS = [3, 20, 70, 1, 41, 33]


@pytest.fixture
def started() -> Iterator[Callable[..., Told]]:
    loops: list[Told] = []

    def start(model: PreTrainedModel, **options: Any) -> Told:
        loops.append(Told(model, **options))
        return loops[-1]

    yield start
    for told in loops:
        told.stop()


Start = Callable[..., Told]


class Said:
    """What is logged."""

    def __init__(self) -> None:
        self._entries: Queue[EventDict] = Queue()

    def __call__(self, _logger: Any, _method: str, entry: EventDict) -> EventDict:
        self._entries.put(entry)
        raise structlog.DropEvent

    def compiled(self) -> EventDict:
        """Wait until the next compilation has ended, well or badly."""
        while not str((entry := self._entries.get(timeout=COMPILED_SECONDS))["event"]).endswith("compiled"):
            pass
        return entry


@pytest.fixture
def said() -> Iterator[Said]:
    before = structlog.get_config()
    structlog.configure(processors=[heard := Said()])
    yield heard
    structlog.configure(**before)


def _expected(model: PreTrainedModel) -> list[list[int]]:
    return [tiny.generated(model, tiny.prompt(length), MOST) for length in LENGTHS]


@pytest.mark.parametrize("name", tiny.NAMES)
def test_tokens_are_those_of_generate_with_newcomers_joining_and_prompts_in_parts(
    name: str, started: Start
) -> None:
    model = tiny.build(name)
    expected = _expected(model)
    assert len(set(expected[2])) > 5, "a model that repeats itself proves nothing"
    told = started(model, slots=4, chunk=16)

    def join(step: int) -> None:
        if step % 4 == 0 and (index := 2 + step // 4) < len(LENGTHS):
            told.ask(str(index), tiny.prompt(LENGTHS[index]))

    told.at_step = join
    for index in range(3):
        told.ask(str(index), tiny.prompt(LENGTHS[index]))
    for index, tokens in enumerate(expected):
        while str(index) not in told.progress:
            assert told.loop.alive
        assert told.answer(str(index)).tokens == tokens


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (tiny.shallow, "llama"),
        *(pytest.param(tiny.build, name, marks=pytest.mark.slow) for name in ("llama", "gpt2", "gemma2")),
    ],
)
def test_compiled_passes_write_the_same_tokens_and_take_over_between_two(
    make: Callable[[str], PreTrainedModel], name: str, started: Start, said: Said
) -> None:
    """And where nothing is taken from other slots the same numbers, bit by bit."""
    model = make(name)
    lengths = [*LENGTHS, SHORT_POSITIONS + 40, SHORT_POSITIONS + 30]
    expected = [tiny.generated(model, tiny.prompt(length), MOST) for length in lengths]
    told = started(model, compile_after=3, slots=2, chunk=16)
    kinds = {2, ANY, SHORT} if able(model.dtype) else set()
    for again in range(2):
        for index, length in enumerate(lengths):
            told.ask(f"{index} {again}", tiny.prompt(length))
        for index, tokens in enumerate(expected):
            assert told.answer(f"{index} {again}").tokens == tokens
            if again and index < len(LENGTHS):
                assert told.answer(f"{index} 1").logprobs == told.answer(f"{index} 0").logprobs
        while not kinds <= told.loop.passes.ready:
            assert "reason" not in said.compiled()


def test_what_cannot_be_compiled_is_stepped_as_it_is(started: Start, said: Said) -> None:
    model = tiny.build("llama")
    expected = _expected(model)
    told = started(model, compile_after=1, compiler=_process("raise SystemExit('no compiler here')"))
    for again in range(2):
        for index, length in enumerate(LENGTHS):
            told.ask(f"{index} {again}", tiny.prompt(length))
        assert [told.answer(f"{index} {again}").tokens for index in range(len(LENGTHS))] == expected
        if not again:
            assert "no compiler here" in said.compiled()["reason"]
    assert not told.loop.passes.ready


_ANOTHER_MODEL = """
import io, json, sys
from workers.gpu.slotted import compiling
plan = json.load(sys.stdin)
plan["config"]["hidden_act"] = "gelu"
sys.stdin = io.StringIO(json.dumps(plan))
compiling.main()
"""


def test_a_compiled_step_of_other_numbers_is_refused(said: Said) -> None:
    model = tiny.shallow("llama")
    store = prepare(model, 1, 64)
    passes = Passes(model, store, 1, threads=1, compile_after=0, command=_process(_ANOTHER_MODEL))
    passes.step([(5, 0, 0)])
    assert "other numbers" in said.compiled()["reason"]
    assert not passes.ready
    passes.stop()


def test_a_compilation_is_given_up_when_the_slots_stop() -> None:
    model, started = tiny.build("llama"), Queue[Popen[bytes]]()
    store = prepare(model, 1, 64)
    command = _process("import sys, time; time.sleep(600)")

    def start() -> "Popen[bytes]":
        process = command()
        started.put(process)
        return process

    passes = Passes(model, store, 1, threads=1, compile_after=0, command=start)
    passes.step([(5, 0, 0)])
    process = started.get(timeout=SECONDS)
    passes.stop()
    assert process.wait(SECONDS) == -SIGKILL
    assert "compile" not in {thread.name for thread in all_threads()}


def _process(code: str) -> "Callable[[], Popen[bytes]]":
    return partial(Popen, [sys.executable, "-c", code], stdin=PIPE, stdout=PIPE, stderr=PIPE)


def test_a_cache_too_small_for_all_sends_the_youngest_back_and_answers_all_the_same(started: Start) -> None:
    model = tiny.build("qwen3")
    roomy, tight = started(model), started(model, tokens=270, chunk=32)
    for told in (roomy, tight):
        for index in range(7):
            told.ask(str(index), tiny.prompt(5 + 9 * index), 90, Sampling(seed=index, temperature=1.0))
    for index in range(7):
        wanted, got = roomy.answer(str(index)), tight.answer(str(index))
        assert got.tokens == wanted.tokens
        assert got.logprobs == pytest.approx(wanted.logprobs, abs=1e-3)


def test_log_probabilities_are_those_of_one_pass_over_the_whole(started: Start) -> None:
    model, plain = tiny.build("llama"), tiny.build("llama")
    told = started(model)
    told.ask("warm", tiny.prompt(9), 20, Sampling(seed=3, temperature=1.3, top_k=40))
    told.ask("greedy", tiny.prompt(30), 20)
    for key, prompt in (("warm", tiny.prompt(9)), ("greedy", tiny.prompt(30))):
        answer = told.answer(key)
        scores = plain(torch.tensor([prompt + answer.tokens])).logits[0].log_softmax(dim=-1)
        rows = torch.arange(len(prompt) - 1, len(prompt) + len(answer.tokens) - 1)
        assert answer.logprobs == pytest.approx(scores[rows, answer.tokens].tolist(), abs=1e-4)


def test_a_cancelled_request_is_not_heard_of_again_and_the_others_go_on(started: Start) -> None:
    model = tiny.build("llama")
    expected = tiny.generated(model, tiny.prompt(20), MOST)
    told, heard, over = started(model), [0], Event()

    def cancel(step: int) -> None:
        if step == 5:
            told.loop.cancel("gone")
            told.loop.cancel("nobody")
            heard[0] = len(told.progress["gone"].tokens)
            over.set()

    told.at_step = cancel
    told.ask("gone", tiny.prompt(3), 200)
    told.ask("stays", tiny.prompt(20))
    assert over.wait(SECONDS)
    assert told.answer("stays").tokens == expected
    assert len(told.progress["gone"].tokens) == heard[0] < 10


def test_a_slot_is_clean_after_numbers_that_were_not_finite(started: Start) -> None:
    model: Any = tiny.build("llama")
    expected = _expected(model)
    told = started(model, slots=1)
    handle = model.model.layers[0].register_forward_hook(lambda _module, _inputs, made: made * float("nan"))
    told.ask("spoiled", tiny.prompt(100))
    assert len(told.answer("spoiled").tokens) == 1
    handle.remove()
    told.ask("next", tiny.prompt(LENGTHS[0]))
    assert told.answer("next").tokens == expected[0]


def _neox() -> PreTrainedModel:
    return GPTNeoXForCausalLM(
        GPTNeoXConfig(vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    )


def _moving() -> PreTrainedModel:
    ropes = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
    return LlamaForCausalLM(LlamaConfig(**tiny.SHAPE, rope_parameters=ropes))


@pytest.mark.parametrize(
    ("make", "reason"), [(_neox, "GPTNeoXForCausalLM is not known"), (_moving, "longest request: dynamic")]
)
def test_what_the_slots_do_not_know_is_refused_and_served_by_the_stock_loop(
    make: Callable[[], PreTrainedModel], reason: str
) -> None:
    model = make()
    with pytest.raises(ValueError, match=reason):
        Told(model)
    with structlog.testing.capture_logs() as logged:
        asked, chosen = plan_for(model, "slots"), plan_for(model, "auto")
    assert asked.engine == chosen.engine == "continuous"
    assert reason in str(asked.reason)
    assert chosen.reason == asked.reason
    assert [(one["log_level"], one["event"], one["reason"]) for one in logged] == [
        ("warning", "plan.no_slots", asked.reason),
        ("info", "plan.no_slots", asked.reason),
    ]
    assert plan_for(model, "continuous").reason is None
    assert plan_for(tiny.build("llama"), "slots").engine == "slots"
