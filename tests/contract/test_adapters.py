"""Versions that are adapters: the tokens of `peft`, the weights of the base in memory once, and the base as it was."""

import copy
import gc
import json
import shutil
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

from mainspring.errors import LoadingFailed, ModelRefused
from mainspring.registry import inspect, put, verify
from mainspring.registry.adapters import with_base
from mainspring.registry.sharing import digest_of_file
from mainspring.serving.engine import Engine, EngineRequest
from mainspring.settings import Settings
from mainspring.tables import EngineName, Task
from tests.api.serving import until
from tests.contract import models
from tests.contract import slotted_models as tiny
from tests.contract.slotting import MOST, Told
from workers.gpu import adapters
from workers.gpu.load import check_loadable, load_model, load_version, memory_needed
from workers.gpu.native.build import compiler
from workers.gpu.packed import PackedLinear
from workers.held import taken

ARCHITECTURES = ["llama", "gpt2", "qwen2", "gemma3", "smollm3"]
PROMPTS = [tiny.prompt(length) for length in (3, 20, 41)]


def trained(model: PreTrainedModel, folder: Path, seed: int = 1, **config: Any) -> Path:
    """An adapter that says something else, as if it had been trained. The model is left as it was."""
    wanted = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "init_lora_weights": False} | config
    torch.manual_seed(seed)
    made = peft.get_peft_model(model, peft.LoraConfig(**wanted))
    made.save_pretrained(folder)
    made.unload()
    return folder


def stored(store: Path, folder: Path, names: list[str] | None = None) -> Path:
    found = names or [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return store / put(store, folder, found).path


def placed(store: Path, adapter: Path, base: Path) -> Path:
    """In the store, as the import recipe does it."""
    place = with_base(adapter, base.name, store.parent / f"{adapter.name}-placed")
    return stored(store, place)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def base(store: Path, tmp_path: Path, in_float32: None) -> Path:
    return stored(store, models.save(tiny.build("llama"), models.byte_level(), tmp_path / "base"))


@pytest.fixture
def adapter(base: Path, store: Path, tmp_path: Path) -> Path:
    return placed(store, trained(tiny.build("llama"), tmp_path / "adapter"), base)


@pytest.fixture
def load() -> Iterator[Callable[[Path], Engine]]:
    loaded: list[Engine] = []

    def one(path: Path) -> Engine:
        loaded.append(load_version(path, "text-generation", Settings(compile_steps=False), EngineName.SLOTS))
        return loaded[-1]

    yield one
    for engine in loaded:
        engine.stop()


def said(engine: Engine, text: str = "The mainspring") -> str:
    request = EngineRequest(f"{id(engine)} {text}", text, {"max_tokens": 16}, 1)
    return str(engine.submit(request).result(60).output["text"])


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_tokens_are_those_of_peft(name: str, tmp_path: Path, in_float32: None) -> None:
    path = trained(tiny.build(name), tmp_path, r=3, use_rslora=name == "qwen2")
    told_by_peft = peft.PeftModel.from_pretrained(tiny.build(name), path).merge_and_unload()
    expected = [tiny.generated(told_by_peft, ids, MOST) for ids in PROMPTS]
    plain = [tiny.generated(tiny.build(name), ids, MOST) for ids in PROMPTS]
    assert expected != plain, "an adapter that changes nothing proves nothing"
    base = tiny.build(name)
    adapters.keep(path, base)
    model = adapters.held(path)
    assert model is not None
    adapters.adapt(model, path)
    loops = {"adapter": Told(model, slots=4), "base": Told(base, slots=4)}
    try:
        for told in loops.values():
            for index, ids in enumerate(PROMPTS):
                told.ask(str(index), ids)
        found = {
            which: [told.answer(str(index)).tokens for index in range(len(PROMPTS))]
            for which, told in loops.items()
        }
    finally:
        for told in loops.values():
            told.stop()
    assert found == {"adapter": expected, "base": plain}


@pytest.mark.skipif(compiler() is None, reason="no C++ compiler: passes stay as they are")
def test_compiled_they_write_the_same(tmp_path: Path, in_float32: None) -> None:
    base, path = tiny.build("llama"), trained(tiny.build("llama"), tmp_path)
    adapters.keep(path, base)
    model = adapters.held(path)
    assert model is not None
    adapters.adapt(model, path)
    told = Told(model, slots=2, compile_after=3)
    try:
        found = []
        for again in range(2):
            for index, ids in enumerate(PROMPTS):
                told.ask(f"{again} {index}", ids)
            found.append([told.answer(f"{again} {index}").tokens for index in range(len(PROMPTS))])
            until(lambda: 2 in told.loop.passes.ready, 120)
    finally:
        told.stop()
    assert found[0] == found[1]


def test_all_adapters_of_a_base_have_its_weights_once(
    store: Path, base: Path, adapter: Path, tmp_path: Path, load: Callable[[Path], Engine]
) -> None:
    other = placed(store, trained(tiny.build("llama"), tmp_path / "other", seed=2), base)
    engines = [load(path) for path in (adapter, base, other)]
    weights = [_products(engine) for engine in engines]
    assert weights[0] == weights[1] == weights[2]
    assert len(weights[0]) > 10
    assert len({said(engine) for engine in engines}) == 3
    engines[1].stop()
    assert said(engines[0], "again") != said(engines[2], "again")  # the base may leave before them


def test_their_memory_is_counted_by_what_they_have_of_their_own(
    store: Path, base: Path, adapter: Path, tmp_path: Path
) -> None:
    other = placed(store, trained(tiny.build("llama"), tmp_path / "other", seed=2), base)
    alone = placed(store, trained(tiny.build("gpt2"), tmp_path / "alone"), _saved(store, "gpt2", tmp_path))
    needs = [memory_needed(path, "text-generation", Settings()) for path in (base, adapter, other, alone)]
    assert len({need.of for need in needs}) == 2
    weights = needs[0].weights
    assert weights >= (base / "model.safetensors").stat().st_size
    assert [need.weights for need in needs[1:3]] == [weights] * 2
    assert needs[0].own < needs[1].own == needs[2].own
    for count in (1, 2, 3):  # whichever of them come and leave
        for some in combinations(needs[:3], count):
            assert taken(some) == weights + sum(need.own for need in some)
    assert taken(needs) == taken(needs[:3]) + needs[3].alone


def _saved(store: Path, name: str, tmp_path: Path) -> Path:
    return stored(store, models.save(tiny.build(name), models.byte_level(), tmp_path / f"base-{name}"))


def test_memory_that_runs_out_for_one_is_told_and_the_base_answers_on(
    base: Path, adapter: Path, load: Callable[[Path], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, copied = load(base), copy.deepcopy

    def copying(what: Any, *more: Any) -> Any:
        return torch.empty(2**50) if isinstance(what, PreTrainedModel) else copied(what, *more)

    with monkeypatch.context() as patch:
        patch.setattr(copy, "deepcopy", copying)
        with pytest.raises(LoadingFailed, match="memory ran out"):
            load(adapter)
    assert said(before)
    assert said(load(adapter)) != said(before, "again")


def test_they_leave_nothing_behind(base: Path, adapter: Path) -> None:
    engines = [
        load_version(path, "text-generation", Settings(compile_steps=False), EngineName.SLOTS)
        for path in (base, adapter)
    ]
    for engine in engines:
        engine.stop()
    assert adapters.held(adapter) is not None
    del engine, engines
    gc.collect()
    assert adapters.held(adapter) is None


def _products(engine: Any) -> set[int]:
    model = engine._loop.model
    return {
        id(one.product)
        for name, one in model.named_modules()
        if isinstance(one, PackedLinear) and not name.endswith((".down", ".up"))
    }


def test_it_is_what_its_base_is_and_a_little_more(base: Path, adapter: Path, store: Path) -> None:
    whole, found = inspect(base, Task.TEXT_GENERATION), inspect(adapter, Task.TEXT_GENERATION, store)
    assert (found.architecture, found.context_length) == (whole.architecture, whole.context_length)
    assert 0 < found.parameters - whole.parameters < whole.parameters / 5
    assert "model.safetensors" not in found.files
    checked = check_loadable(adapter, "text-generation")
    assert checked["architecture"] == "LlamaForCausalLM"


def test_a_byte_of_its_base_that_changed_is_named(base: Path, adapter: Path) -> None:
    digest, files = adapter.name, None
    of_base = {path.name: digest_of_file(path) for path in base.iterdir()}
    verify(adapter, digest, files)
    verify(adapter, digest, files, of_base)
    weights = base / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.chmod(0o644)
    weights.write_bytes(bytes(content))
    with pytest.raises(ModelRefused, match="a file of the base is not what was registered"):
        verify(adapter, digest, files)
    with pytest.raises(ModelRefused, match=r"model\.safetensors of its base is not what was registered"):
        verify(adapter, digest, files, of_base)


def test_of_a_classifier_it_is_merged(store: Path, tmp_path: Path, in_float32: None) -> None:
    torch.manual_seed(7)
    model = models.encoder("text-classification")
    base = stored(store, models.save(model, models.word_piece(), tmp_path / "base"))
    path = trained(model, tmp_path / "adapter", target_modules=["query", "value"])
    made = load_model(placed(store, path, base), "text-classification")
    fresh = AutoModelForSequenceClassification.from_pretrained(base)
    expected = peft.PeftModel.from_pretrained(fresh, path).merge_and_unload().eval()
    ids = torch.tensor([[2, 20, 30, 40, 3]])
    with torch.no_grad():
        torch.testing.assert_close(made.model(ids).logits, expected(ids).logits)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias"),
        ({"peft_type": "IA3"}, "IA3"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
    ],
)
def test_other_kinds_are_refused_with_the_way_out(
    change: dict[str, Any], what: str, adapter: Path, store: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "odd"
    shutil.copytree(adapter, odd)
    config = json.loads((odd / "adapter_config.json").read_text())
    (odd / "adapter_config.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelRefused, match=what) as refused:
        inspect(odd, Task.TEXT_GENERATION, store)
    assert "merge" in str(refused.value.remedy)


def test_of_another_base_it_is_refused(store: Path, base: Path, tmp_path: Path) -> None:
    path = placed(store, trained(tiny.build("gpt2"), tmp_path / "adapter"), base)
    with pytest.raises(ModelRefused, match="its base has no layer"):
        check_loadable(path, "text-generation")


def test_without_its_base_it_is_refused(tmp_path: Path, in_float32: None) -> None:
    path = trained(AutoModelForCausalLM.from_config(tiny.build("llama").config), tmp_path / "adapter")
    with pytest.raises(ModelRefused, match="its base is not named") as refused:
        inspect(path, Task.TEXT_GENERATION)
    assert "--base" in str(refused.value.remedy)
