"""An answer is the same, bit by bit, whatever else is in the batch: in bfloat16 one rounding otherwise is another token."""

from collections.abc import Iterable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from tests.contract import slotted_models as tiny
from tests.contract.slotting import Told
from workers.gpu.native.build import able
from workers.gpu.packed import Product, invariant, tileable
from workers.gpu.sampling import Sampling

BF16 = torch.bfloat16
needs_tiles = pytest.mark.skipif(
    not tileable(torch.empty(32, 32, dtype=BF16)), reason="this processor multiplies no bfloat16 in tiles"
)
needs_operators = pytest.mark.skipif(
    not able(torch.float32), reason="no C++ compiler: the plain operations serve"
)
WIDE = 2048  # features: of so many a library sums parts, as the number of rows has it
LENGTHS = [1, 5, 30, 33, 64, 120, 159, 160, 161, 162, 193, 200, 225, 230]
ANSWER = 20
Answers = dict[str, tuple[list[int], list[float]]]


@torch.no_grad()
@pytest.mark.parametrize(
    "dtype", [pytest.param(torch.float32, marks=needs_operators), pytest.param(BF16, marks=needs_tiles)]
)
@given(count=st.integers(1, 300), width=st.integers(1, 70), bias=st.booleans(), seed=st.integers(0, 2**31))
@settings(deadline=None, max_examples=25)
def test_a_row_of_a_product_does_not_know_its_neighbours(
    dtype: torch.dtype, *, count: int, width: int, bias: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    layer = nn.Linear(WIDE, width, bias=bias, dtype=dtype)
    rows = torch.randn(count, WIDE).to(dtype)
    product = Product(layer.weight, layer.bias)
    together, alone = product(rows), _each(product, rows)
    assert torch.equal(together, alone)
    wanted = nn.functional.linear(
        rows.double(), layer.weight.double(), None if not bias else layer.bias.double()
    )
    torch.testing.assert_close(together.double(), wanted, rtol=1e-2, atol=1e-4)


def _each(product: Product, rows: Tensor) -> Tensor:
    return torch.cat([product(row[None]) for row in rows])


def _model() -> PreTrainedModel:
    torch.manual_seed(11)
    config = LlamaConfig(**tiny.SHAPE | {"intermediate_size": WIDE, "initializer_range": 0.08})
    return LlamaForCausalLM(config).eval().to(BF16)


def _prompts() -> list[list[int]]:
    """The longer ones begin alike."""
    longest = tiny.prompt(max(LENGTHS))
    return [longest[:length] if length >= 100 else tiny.prompt(length) for length in LENGTHS]


def _answers(order: Iterable[int], *, alone: bool = False, **options: int) -> Answers:
    told, prompts = Told(_model(), **options), _prompts()
    assert invariant(told.loop.model)
    found: Answers = {}
    try:
        for index in order:
            warm = 1.0 if index % 2 else 0.0
            told.ask(str(index), prompts[index], ANSWER, Sampling(seed=index, temperature=warm))
            if alone:
                told.answer(str(index))
        for index in order:
            one = told.answer(str(index))
            found[str(index)] = (one.tokens, one.logprobs)
    finally:
        told.stop()
    return found


@needs_tiles
def test_nor_does_an_answer() -> None:
    """Together, alone, in parts, over what others left in the slots, and read again after it had to give way."""
    every = range(len(LENGTHS))
    wanted = _answers(every)
    assert len({tuple(tokens) for tokens, _ in wanted.values()}) == len(LENGTHS)
    assert _answers(every, alone=True) == wanted
    assert _answers(every[::-1], slots=3) == wanted
    assert _answers(every, chunk=32) == wanted
    assert _answers(every, tokens=2 * tiny.CONTEXT) == wanted
