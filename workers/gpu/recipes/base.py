"""The model that a run begins with, read as it will train; and what of it the new version has unchanged.

Trainers align a model's special tokens with its tokenizer's, and tokenizers write down the lengths that texts were cut to:
so what a version says of these is copied from its base, byte by byte, and not saved anew.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoTokenizer,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from mainspring import registry
from mainspring.registry import adapters
from mainspring.registry.folder import OF_TOKENIZERS, has_tokenizer
from mainspring.registry.store import digest_of_files
from mainspring.tables import Task
from workers.gpu.adapters import merge
from workers.gpu.device import device

SAFELY: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
_TERMS = {"LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "generation_config.json"}
_SET_BY_TRAINERS = ("use_cache", "pad_token_id", "bos_token_id", "eos_token_id")
_OF_VECTORS = {
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
}


@dataclass(frozen=True)
class Base:
    """`folder`: the model's, or an adapter's beside whose folder is that of the model that it changes. `digest`: of it."""

    folder: Path
    digest: str
    tokenizer: PreTrainedTokenizerBase

    @property
    def whole(self) -> Path:
        return adapters.base_of(self.folder)

    @property
    def config(self) -> PreTrainedConfig:
        found: PreTrainedConfig = AutoConfig.from_pretrained(self.whole, **SAFELY)
        return found

    @property
    def dtype(self) -> torch.dtype:
        """Of its weights, as they are stored."""
        found = self.config.dtype
        return found if isinstance(found, torch.dtype) else torch.float32

    def model(self, kind: Any, *, frozen: bool = False, **more: Any) -> PreTrainedModel:
        """By one of transformers' automatic classes, in float32; in its own format on a GPU, if its weights stay `frozen`."""
        narrow = frozen and device().type == "cuda"
        model: PreTrainedModel = kind.from_pretrained(
            self.whole, use_safetensors=True, dtype=self.dtype if narrow else torch.float32, **SAFELY, **more
        )
        if adapters.is_adapter(self.folder):
            merge(model, self.folder)
        return model


def begin(folder: str, task: Task) -> Base:
    """Raises ModelRefused for a folder that is no model of this task."""
    path = Path(folder)
    found = registry.inspect(path, task, path.parent)
    named = path if has_tokenizer(path) else adapters.base_of(path)
    tokenizer = AutoTokenizer.from_pretrained(named, **SAFELY)
    return Base(path, digest_of_files(path, found.files), tokenizer)


def save(model: PreTrainedModel, base: Base, output: Path, task: Task) -> None:
    """The weights in the format that the base's have, and beside them what they and the base have in common."""
    if model.can_generate():
        model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]  # the base's file follows
    for name in _SET_BY_TRAINERS:
        if hasattr(base.config, name):
            setattr(model.config, name, getattr(base.config, name))
    whole: Any = model  # torch's own signature of `to` is wrapped
    whole.to(base.dtype).save_pretrained(output)
    for name in OF_TOKENIZERS | _TERMS | _OF_VECTORS:
        (output / name).unlink(missing_ok=True)
    named = base.folder if has_tokenizer(base.folder) else base.whole
    taken = [(named, OF_TOKENIZERS), (base.whole, _TERMS)]
    if task is Task.FEATURE_EXTRACTION:
        taken.append((base.whole, _OF_VECTORS))
    for folder, names in taken:
        for name in names:
            if (folder / name).is_file():
                (output / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(folder / name, output / name)
