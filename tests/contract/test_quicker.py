"""The quicker ways of encoders give what the model itself gives, and are left where they would not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.contract import models
from tests.contract.conftest import Kind
from workers.gpu.heads import Texts
from workers.gpu.load import load_model
from workers.gpu.packed import PackedLinear, pack_if_same
from workers.gpu.unpadded import unpad_if_same

TEXTS = ["The watch runs.", " ".join(models.TEXTS[:2]), "Ada"]


def _loaded(path: Path, task: str) -> tuple[Any, dict[str, torch.Tensor]]:
    loaded = load_model(path, task)
    texts = Texts(loaded.tokenizer, loaded.context)
    return loaded.model, texts.tensors(texts.pieces(TEXTS), loaded.model.device)


@pytest.mark.parametrize("way", [pack_if_same, unpad_if_same])
@pytest.mark.parametrize("name", ["text-classification", "token-classification", "fill-mask", "minilm"])
def test_a_quicker_way_gives_the_same(
    way: Callable[..., bool], name: str, kinds: dict[str, Kind], in_float32: None
) -> None:
    model, inputs = _loaded(kinds[name].path, kinds[name].task)
    with torch.inference_mode():
        before = model(**inputs)[0]
        assert way(model, inputs)
        after = model(**inputs)[0]
    for row, (plain, quick) in enumerate(zip(before, after, strict=True)):
        tokens = int(inputs["attention_mask"][row].sum()) if plain.dim() > 1 else len(plain)
        torch.testing.assert_close(quick[:tokens], plain[:tokens], rtol=1e-3, atol=1e-4)


def test_a_model_that_looks_into_its_layers_stays_as_it_was(kinds: dict[str, Kind], in_float32: None) -> None:
    model, inputs = _loaded(kinds["minilm"].path, kinds["minilm"].task)
    first = model.encoder.layer[0].intermediate
    first.register_forward_pre_hook(lambda module, _: module.dense.weight.dtype and None)
    assert not pack_if_same(model, inputs)
    assert not any(isinstance(one, PackedLinear) for one in model.modules())


def test_a_model_whose_attention_is_its_own_stays_padded(kinds: dict[str, Kind], in_float32: None) -> None:
    model, inputs = _loaded(kinds["minilm"].path, kinds["minilm"].task)
    before = model(**inputs)[0]
    own = type(model.config)(**model.config.to_dict())
    own._attn_implementation = "sdpa"
    for layer in model.encoder.layer:
        layer.attention.self.config = own
    assert not unpad_if_same(model, inputs)
    torch.testing.assert_close(model(**inputs)[0], before)
