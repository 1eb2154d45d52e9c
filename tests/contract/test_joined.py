"""Norms and gates as operators of ours give what the model's own modules give, each row whatever stands beside it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import PreTrainedModel

from tests.contract import slotted_models as tiny
from workers.gpu.slotted.joined import join

KINDS = {torch.float32: 1e-5, torch.bfloat16: 2e-2}  # how far apart they may be: one rounding, or two
RMS = [name for name in tiny.NAMES if name != "gpt2"]


def modules(model: PreTrainedModel) -> list[nn.Module]:
    """A norm of the first layer, and its middle."""
    layer = model.model.layers[0]
    return [layer.input_layernorm, layer.mlp]


def rows(kind: torch.dtype, *, count: int = 5) -> Tensor:
    """Of ordinary numbers, of great ones, and a row of zeros."""
    torch.manual_seed(5)
    made = torch.randn(1, count, 64) * torch.logspace(-2, 2, count)[None, :, None]
    made[0, 0] = 0
    return made.to(kind)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RMS)
def test_what_is_joined_gives_the_numbers_of_the_module(name: str, kind: torch.dtype) -> None:
    model, given = tiny.build(name).to(kind), rows(kind)
    for weight in (one.weight for one in model.modules() if type(one).__name__.endswith("RMSNorm")):
        weight.normal_()
    expected = [module(given) for module in modules(model)]
    names = [name for name, _ in model.named_parameters()]
    join(model)
    assert not [one for one in model.modules() if type(one).__name__.endswith(("RMSNorm", "MLP"))]
    assert [name for name, _ in model.named_parameters()] == names
    for made, wanted in zip([module(given) for module in modules(model)], expected, strict=True):
        scale = wanted.float().abs().max()
        torch.testing.assert_close(made.float() / scale, wanted.float() / scale, rtol=0, atol=KINDS[kind])


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("act", ["silu", "gelu"])
def test_a_gate_opens_as_torchs_own_does(act: str, kind: torch.dtype) -> None:
    gates = torch.linspace(-9, 9, 500).to(kind)[None]
    own = {"silu": nn.functional.silu, "gelu": lambda x: nn.functional.gelu(x, approximate="tanh")}[act]
    made = torch.ops.mainspring.gated(gates, torch.ones_like(gates), act)
    torch.testing.assert_close(made, own(gates), rtol=KINDS[kind], atol=KINDS[kind] / 10)


@torch.no_grad()
@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(list(KINDS)),
    width=st.integers(1, 130),
    count=st.integers(1, 300),
    at=st.floats(0, 1, exclude_max=True),
    act=st.sampled_from(["silu", "gelu"]),
    late=st.booleans(),
)
def test_a_row_comes_out_the_same_alone_and_as_a_part_of_others(
    kind: torch.dtype, width: int, count: int, at: float, act: str, *, late: bool
) -> None:
    """Bit by bit, also where it is part of a wider tensor, and where there are so many that threads share them."""
    operators = torch.ops.mainspring
    wide, weight, row = (
        torch.randn(1, count, 2 * width).to(kind),
        torch.randn(width).to(kind),
        int(at * count),
    )
    gates, others = wide[..., :width], wide[..., width:]
    alone = [part[:, row : row + 1].clone() for part in (gates, others)]
    norm, gated = operators.rms_norm(others, weight, 1e-6, late), operators.gated(gates, others, act)
    assert norm.shape == gated.shape == gates.shape
    assert torch.equal(norm[:, row : row + 1], operators.rms_norm(alone[1], weight, 1e-6, late))
    assert torch.equal(gated[:, row : row + 1], operators.gated(*alone, act))


@torch.no_grad()
def test_what_does_not_fit_together_is_refused() -> None:
    """The loops behind them would read what lies beside a tensor."""
    operators, rows = torch.ops.mainspring, torch.randn(4, 24)
    with pytest.raises(RuntimeError):
        operators.rms_norm(rows, torch.randn(23), 1e-6, False)
    with pytest.raises(RuntimeError):
        operators.rms_norm(rows, torch.randn(24).bfloat16(), 1e-6, False)
    for other in (rows[:, :23], rows[:3], rows.bfloat16()):
        with pytest.raises(RuntimeError):
            operators.gated(rows, other, "silu")


@torch.no_grad()
def test_heads_are_rows_of_their_own() -> None:
    """As norms of queries see them: a part of a wider product, with the heads before the tokens."""
    heads = torch.randn(2, 7, 5, 48)[..., :24].transpose(1, 2)
    weight = torch.randn(24)
    made = torch.ops.mainspring.rms_norm(heads, weight, 1e-6, False)
    torch.testing.assert_close(made, torch.ops.mainspring.rms_norm(heads.contiguous(), weight, 1e-6, False))
    torch.testing.assert_close(made, nn.functional.rms_norm(heads, (24,), weight, 1e-6))


@torch.no_grad()
@pytest.mark.parametrize("act", ["silu", "gelu"])
def test_great_numbers_open_or_close_a_gate_and_what_is_none_stays_none(act: str) -> None:
    gates = torch.tensor([[-1e30, -200.0, -0.0, 200.0, 1e30, float("nan")]])
    made = torch.ops.mainspring.gated(gates, torch.ones_like(gates), act)
    assert made[0, :5].tolist() == pytest.approx([0.0, 0.0, 0.0, 200.0, 1e30], rel=1e-6, abs=1e-6)
    assert made[0, 5].isnan()
