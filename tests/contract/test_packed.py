"""Packed layers give what the plain ones give: in any number of rows, alone or sharing a product, from any thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from workers.gpu.packed import PackedLinear, Product, pack


def a_model() -> LlamaForCausalLM:
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return LlamaForCausalLM(config).eval()


@torch.no_grad()
@pytest.mark.parametrize("rows", [1, 3, 32, 64, 65, 96, 131])
@pytest.mark.parametrize("bias", [True, False])
def test_any_number_of_rows(rows: int, *, bias: bool) -> None:
    layer = nn.Linear(24, 40, bias=bias)
    given = torch.randn(1, rows, 24)
    torch.testing.assert_close(Product(layer.weight, layer.bias)(given), layer(given), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_layers_that_stand_together_are_one_product() -> None:
    model = a_model()
    ids = torch.arange(1, 40)[None]
    before = model(ids).logits
    pack(model)
    attention, mlp = model.model.layers[0].self_attn, model.model.layers[0].mlp
    assert attention.q_proj.number == attention.k_proj.number == attention.v_proj.number
    assert mlp.gate_proj.number == mlp.up_proj.number
    assert attention.o_proj.number != attention.q_proj.number
    torch.testing.assert_close(model(ids).logits, before, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_each_of_them_may_be_asked_alone_and_of_something_else() -> None:
    """The others' share of what was made for one tensor is never given for another."""
    model = a_model()
    attention = model.model.layers[0].self_attn
    plain = {name: getattr(attention, name) for name in ("q_proj", "k_proj", "v_proj")}
    pack(model)
    one, other = torch.randn(1, 5, 32), torch.randn(1, 5, 32)
    asked: list[tuple[str, Tensor]] = [
        ("q_proj", one),
        ("k_proj", other),
        ("v_proj", one),
        ("v_proj", one),
        ("q_proj", other),
    ]
    for name, given in asked:
        packed = getattr(attention, name)
        assert isinstance(packed, PackedLinear)
        torch.testing.assert_close(packed(given), plain[name](given), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_threads_do_not_share_what_was_made() -> None:
    model = a_model()
    given = [torch.arange(1, length)[None] for length in range(5, 45)]
    before = [model(ids).logits for ids in given]
    pack(model)
    with ThreadPoolExecutor(4) as pool:
        after = list(pool.map(lambda ids: _logits(model, ids), given * 3))
    for number, made in enumerate(after):
        torch.testing.assert_close(made, before[number % len(given)], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def _logits(model: LlamaForCausalLM, ids: Tensor) -> Tensor:
    made: Tensor = model(ids).logits
    return made
