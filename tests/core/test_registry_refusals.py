"""What is not a model for this task is refused, with the reason and the remedy, before anything is loaded."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mainspring import registry
from mainspring.errors import ModelRefused
from mainspring.tables import Task
from tests.core.model_folders import model, safetensors


def config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def pickled_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def link_out(folder: Path) -> None:
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to("/etc/hostname")


def index_of_a_missing_part(folder: Path) -> None:
    weights = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(weights))


def wrong_offsets(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(safetensors()[:-1])


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "there is no folder"),
    "no config": (lambda f: (f / "config.json").unlink(), "no config.json"),
    "config is not JSON": (lambda f: (f / "config.json").write_text("{"), "not a JSON object"),
    "config is a list": (lambda f: (f / "config.json").write_text("[]"), "not a JSON object"),
    "config is too deep": (lambda f: (f / "config.json").write_text("[" * 100_000), "not a JSON object"),
    "no architecture": (lambda f: config(f, architectures=None), "does not say which architecture"),
    "pickled weights": (pickled_only, "pickled"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "no weights"),
    "a part is missing": (index_of_a_missing_part, "names model-2.safetensors"),
    "weights cut off": (wrong_offsets, "not a sound safetensors file"),
    "weights empty": (lambda f: (f / "model.safetensors").write_bytes(b""), "not a sound safetensors file"),
    "weights are text": (
        lambda f: (f / "model.safetensors").write_bytes(b"version https://git-lfs" * 9),
        "sound",
    ),
    "remote code": (lambda f: config(f, auto_map={"AutoModel": "modeling.My"}), "its own code"),
    "tokenizer code": (
        lambda f: (f / "tokenizer_config.json").write_text('{"auto_map": {}}'),
        "its own code",
    ),
    "python files": (lambda f: (f / "modeling.py").write_text(""), "modeling.py"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "tokenizer is missing"),
    "half a tokenizer": (lambda f: (f / "tokenizer.json").rename(f / "vocab.json"), "tokenizer is missing"),
    "no head": (lambda f: config(f, architectures=["BertModel"]), "does not have a head for text-generation"),
    "an adapter": (lambda f: (f / "adapter_config.json").write_text("{}"), "is an adapter"),
    "a link out": (link_out, "leads out of the folder"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refused(tmp_path: Path, name: str) -> None:
    spoil, reason = REFUSALS[name]
    folder = model(tmp_path / "model")
    spoil(folder)
    with pytest.raises(ModelRefused, match=reason) as refused:
        registry.inspect(folder, Task.TEXT_GENERATION)
    assert refused.value.field == "model"
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("architecture", "task", "fits"),
    [
        ("BertModel", Task.FEATURE_EXTRACTION, True),
        ("BertModel", Task.TEXT_CLASSIFICATION, False),
        ("BertForSequenceClassification", Task.TEXT_CLASSIFICATION, True),
        ("LlamaForCausalLM", Task.FILL_MASK, False),
        ("LlamaForCausalLM", Task.FEATURE_EXTRACTION, False),
        ("GPT2LMHeadModel", Task.TEXT_GENERATION, True),
        ("GPT2LMHeadModel", Task.FEATURE_EXTRACTION, False),
        ("DistilBertForQuestionAnswering", Task.QUESTION_ANSWERING, True),
        ("RobertaForTokenClassification", Task.TOKEN_CLASSIFICATION, True),
        ("BertForMaskedLM", Task.FILL_MASK, True),
        ("T5ForConditionalGeneration", Task.TEXT_GENERATION, False),
        ("T5ForConditionalGeneration", Task.TRANSLATION, True),
        ("BartForConditionalGeneration", Task.SUMMARIZATION, True),
        ("MarianMTModel", Task.TRANSLATION, True),
        ("MarianMTModel", Task.FEATURE_EXTRACTION, False),
        ("BartForCausalLM", Task.SUMMARIZATION, False),
    ],
)
def test_heads(tmp_path: Path, architecture: str, task: Task, *, fits: bool) -> None:
    folder = model(tmp_path / "model", {"architectures": [architecture]})
    if fits:
        assert registry.inspect(folder, task).architecture == architecture
    else:
        with pytest.raises(ModelRefused, match=task.value):
            registry.inspect(folder, task)


def test_found(tmp_path: Path) -> None:
    folder = model(tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"ignored beside safetensors")
    (folder / "notes.txt").write_text("not part of the model")
    found = registry.inspect(folder, Task.TEXT_GENERATION)
    assert (found.parameters, found.context_length, found.licence) == (4, 64, "apache-2.0")
    assert found.files == ("README.md", "config.json", "model.safetensors", "tokenizer.json")
