"""Supervised fine-tuning: the answers are learned and the questions are not, by models that go on and by those that turn one
text into another; and what a base says of its tokens is what the new version says."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file
from transformers import AutoTokenizer

from mainspring.curation.rows import Message
from mainspring.errors import MainspringError
from mainspring.registry import inspect
from mainspring.registry.store import digest_of_files
from mainspring.tables import Task
from tests.contract import seq2seq_models
from tests.workers.learning import causal, chat, dataset, learn, stored, text
from workers.gpu.load import check_loadable, load_model
from workers.gpu.recipes.answers import IGNORED, Answers, Speaker
from workers.gpu.recipes.starter_model import CHAT_TEMPLATE

SFT = "supervised-fine-tuning"
CHATS = [chat(f"What drives gear {number}?", f"Gear {number - 1} does.") for number in range(30)]
PAIRS = [text("The watch runs down.", target="La montre"), text("The bug was found.", target="Le bogue")] * 10
QUICKLY = {"learning_rate": 0.003, "steps": 24}


def test_only_the_answer_has_labels(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(causal(tmp_path / "base"))
    tokenizer.chat_template = CHAT_TEMPLATE.replace("<|end|>", "<end>")
    one = Answers(CHATS[:1], tokenizer, 200)[0]
    learned = [int(token) for token in one["labels"] if token != IGNORED]
    assert tokenizer.decode(learned) == "Gear -1 does.<end>\n"
    assert tokenizer.decode(one["input_ids"]).startswith(
        "<|user|>\nWhat drives gear 0?<end>\n<|assistant|>\n"
    )
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What drives gear 0?"}], add_generation_prompt=True
    )["input_ids"]
    assert one["input_ids"][: len(prompt)].tolist() == list(prompt)


def test_without_a_template_the_text_goes_on(tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(causal(tmp_path / "base"))
    tokenizer.chat_template = None
    (asked,) = Speaker(tokenizer).asked([Message("user", "One and one?")], "Two.")
    assert tokenizer.decode(asked.answer) == "Two.<end>"
    cut = asked.within(8)
    assert len(cut.prompt) + len(cut.answer) <= 8
    assert cut.prompt == asked.prompt[-len(cut.prompt) :]


@pytest.mark.parametrize(
    "lora", [None, {"rank": 4}, {"rank": 2, "alpha": 8, "targets": ["q_proj", "v_proj"]}]
)
def test_a_causal_model_learns_answers(tmp_path: Path, lora: dict[str, object] | None) -> None:
    base = causal(tmp_path / "base")
    given = {"base": str(base), "dataset": dataset(tmp_path, CHATS), "lora": lora} | QUICKLY
    made = learn(tmp_path, SFT, Task.TEXT_GENERATION, given)
    assert made.measures["loss"] < made.measures["loss_before"]
    assert check_loadable(made.folder, "text-generation")["architecture"] == "LlamaForCausalLM"
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert (made.folder / name).read_bytes() == (base / name).read_bytes()
    before, after = (json.loads((place / "config.json").read_text()) for place in (base, made.folder))
    assert before == after


def test_an_adapter_is_kept_beside_its_base(tmp_path: Path) -> None:
    base = stored(tmp_path, causal(tmp_path / "base"), Task.TEXT_GENERATION)
    given = {"base": str(base), "dataset": dataset(tmp_path, CHATS)} | QUICKLY
    apart = learn(tmp_path, SFT, Task.TEXT_GENERATION, given | {"lora": {"rank": 4, "merge": False}})
    assert apart.source["base_digest"] == apart.parent == base.name
    found = inspect(apart.folder, Task.TEXT_GENERATION, base.parent)
    assert set(found.files) >= {"adapter_config.json", "adapter_model.safetensors", "base.json"}
    assert str(tmp_path) not in (apart.folder / "adapter_config.json").read_text()
    digest = digest_of_files(apart.folder, found.files)
    place = stored(tmp_path, apart.folder, Task.TEXT_GENERATION)
    assert place.name == digest
    beside = load_model(place, "text-generation").model.state_dict()
    assert beside
    onward = learn(tmp_path, SFT, Task.TEXT_GENERATION, given | {"base": str(place)})
    assert (onward.parent, onward.measures["loss_before"]) == (
        digest,
        pytest.approx(apart.measures["loss"], 0.01),
    )
    with pytest.raises(MainspringError) as refused:
        learn(tmp_path, SFT, Task.TEXT_GENERATION, given | {"base": str(place), "lora": {"merge": False}})
    assert refused.value.field == "parameters.base"


@pytest.mark.parametrize("name", ["t5", "marian", "bart", "mbart", "nllb", "m2m100"])
@pytest.mark.parametrize("lora", [None, {"rank": 4}])
def test_an_encoder_and_decoder_learn_to_turn_texts(
    tmp_path: Path, name: str, lora: dict[str, object] | None
) -> None:
    base = getattr(seq2seq_models, name)(tmp_path / "base")
    languages = {
        "t5": {"source_language": "en", "target_language": "fr"},
        "marian": {"target_language": "fra"},
        "mbart": {"source_language": "en_XX", "target_language": "fr_XX"},
        "nllb": {"source_language": "eng_Latn", "target_language": "fra_Latn"},
        "m2m100": {"source_language": "en", "target_language": "fr"},
    }
    given = (
        {"base": str(base), "dataset": dataset(tmp_path, PAIRS), "lora": lora}
        | QUICKLY
        | languages.get(name, {})
    )
    made = learn(tmp_path, SFT, Task.TRANSLATION, given)
    assert made.measures["loss"] < made.measures["loss_before"]
    check_loadable(made.folder, "translation")
    assert (made.folder / "generation_config.json").read_bytes() == (
        base / "generation_config.json"
    ).read_bytes()


def test_sharded_weights_are_a_base_as_any_other(tmp_path: Path) -> None:
    whole = load_model(seq2seq_models.t5(tmp_path / "whole"), "summarization")
    base = tmp_path / "base"
    whole.model.save_pretrained(base, max_shard_size="30KB")
    whole.tokenizer.save_pretrained(base)
    assert (base / "model.safetensors.index.json").is_file()
    kept = stored(tmp_path, base, Task.SUMMARIZATION)
    given = {"base": str(kept), "dataset": dataset(tmp_path, PAIRS)} | QUICKLY
    for lora in ({"rank": 4}, {"rank": 4, "merge": False}):
        made = learn(tmp_path, SFT, Task.SUMMARIZATION, given | {"lora": lora})
        assert made.measures["loss"] < made.measures["loss_before"]
        place = stored(tmp_path, made.folder, Task.SUMMARIZATION)
        assert check_loadable(place, "summarization")["architecture"] == "T5ForConditionalGeneration"


def test_a_language_that_the_base_does_not_know_is_refused(tmp_path: Path) -> None:
    base = seq2seq_models.t5(tmp_path / "base")
    given = {"base": str(base), "dataset": dataset(tmp_path, PAIRS), "target_language": "tlh"}
    with pytest.raises(MainspringError) as refused:
        learn(tmp_path, SFT, Task.TRANSLATION, given)
    assert refused.value.field == "parameters.target_language"


def test_a_share_is_replayed(tmp_path: Path) -> None:
    """Of what the base has learned before; the same for the same seed."""
    base = causal(tmp_path / "base")
    old = dataset(tmp_path, [chat(f"What is bread {number}?", "Flour and salt.") for number in range(20)])
    given = {"base": str(base), "dataset": dataset(tmp_path, CHATS)} | QUICKLY
    found = [
        learn(tmp_path, SFT, Task.TEXT_GENERATION, given | more)
        for more in (
            {},
            {"replay": {"dataset": old, "share": 0.5}},
            {"replay": {"dataset": old, "share": 0.5}},
        )
    ]
    weights = [load_file(made.folder / "model.safetensors")["lm_head.weight"].sum().item() for made in found]
    assert weights[0] != weights[1] == weights[2]
    assert found[1].dataset is not None
    assert found[1].dataset["origin"]["replay"] == {"dataset": old, "share": 0.5}
