"""Which prompts are measured, and what that costs."""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
import torch
from torch import Tensor

from workers.gpu.perplexity import SHARE, TOKENS, Perplexity
from workers.gpu.slotted.pace import FIRST, SIZE, UNNOTICED, Pace

WORDS = 50


@dataclass(eq=False)
class Asked:
    """A request of a loop's."""

    ids: list[int] = field(default_factory=lambda: [1, 2, 3])
    key: str = field(default_factory=lambda: f"{uuid4()}#0")
    prompt_logprob: float | None = None


class Model:
    """Scores that say: of a token, the one after it in the vocabulary is so many nats likelier than all others."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.now, self.seconds, self.read = 0.0, seconds, list[list[int]]()

    def __call__(self, ids: Tensor) -> Tensor:
        self.now += self.seconds
        self.read.append(ids.tolist())
        return torch.nn.functional.one_hot((ids + 1) % WORDS, WORDS).float() * 3

    def measure(self) -> Perplexity:
        return Perplexity(self, torch.device("cpu"), clock=lambda: self.now)


def test_the_mean_is_over_all_tokens_but_the_first() -> None:
    model, asked = Model(), Asked(ids=[7, 8, 9, 20])
    perplexity = model.measure()
    perplexity.draw([asked])
    perplexity.one()
    whole = torch.tensor([3.0] + [0.0] * (WORDS - 1)).logsumexp(0)
    assert asked.prompt_logprob == pytest.approx(float(2 - whole))  # two of three follow as they should


def test_of_a_long_prompt_the_end_is_read_and_of_one_token_nothing() -> None:
    model = Model()
    perplexity, long, short = (
        model.measure(),
        Asked(ids=[i % WORDS for i in range(3 * TOKENS)]),
        Asked(ids=[1]),
    )
    perplexity.draw([short, long])
    perplexity.one()
    perplexity.one()
    assert model.read == [long.ids[-TOKENS:]]
    assert short.prompt_logprob is None


@pytest.mark.parametrize("seconds", [0.002, 0.2])
def test_it_takes_its_share_of_the_time_and_no_more(seconds: float) -> None:
    """An hour of forty requests a second."""
    model = Model(seconds)
    perplexity = model.measure()
    asked = [Asked() for _ in range(40)]
    for second in range(3600):
        for one in asked:
            one.key = f"{uuid4()}#{second}"
            model.now = max(model.now, second + asked.index(one) / 40)
            perplexity.draw([one])
            perplexity.one()
    assert len(model.read) * seconds == pytest.approx(3600 * SHARE, rel=0.1)


def test_the_same_jobs_are_drawn_by_whoever_draws() -> None:
    """As many as each can afford: those of the slower are among those of the quicker."""
    jobs = [Asked(key=f"{UUID(int=number << 64 | number)}#{number}") for number in range(200)]
    found: list[set[str]] = []
    for seconds in (0.004, 0.016):
        model, crowd = Model(seconds), [Asked(ids=job.ids, key=job.key) for job in jobs]
        perplexity = model.measure()
        model.now = 10.0
        for _ in range(100):  # it learns what a prompt costs
            model.now += 10.0
            perplexity.draw([other := Asked()])
            perplexity.one()
            assert other.prompt_logprob is not None
        model.now += 10.0
        perplexity.draw(crowd)
        for _ in crowd:
            perplexity.one()
        found.append({one.key for one in crowd if one.prompt_logprob is not None})
    quick, slow = found
    assert slow < quick


def test_whoever_is_gone_is_not_read() -> None:
    model = Model()
    perplexity, last = model.measure(), Asked(ids=[4, 5])
    perplexity.draw([Asked(), Asked()])
    perplexity.draw([last])
    perplexity.one()
    assert model.read == [[4, 5]]
    perplexity.one()
    assert len(model.read) == 1


def test_numbers_that_are_not_finite_are_no_likelihood() -> None:
    asked = Asked()
    perplexity = Perplexity(lambda ids: torch.full((len(ids), WORDS), torch.nan), torch.device("cpu"))
    perplexity.draw([asked])
    perplexity.one()
    assert asked.prompt_logprob is None


def test_who_decodes_waits_no_longer_than_a_step_or_unnoticed() -> None:
    pace = Pace()
    assert pace.bearable(TOKENS, decoding=0)
    assert not pace.bearable(TOKENS, decoding=8)  # nothing is known of what it costs
    pace.passed(0, 8, 0.1)
    pace.passed(FIRST, 8, 0.1 + FIRST * 0.0005)
    assert pace.bearable(TOKENS, decoding=8)  # 64 ms beside steps of 100
    pace = Pace()
    pace.passed(0, 8, 0.01)
    pace.passed(SIZE, 8, 0.01 + SIZE * 0.0005)
    assert not pace.bearable(TOKENS, decoding=8)
    assert pace.bearable(int(UNNOTICED / 0.0006), decoding=8)
