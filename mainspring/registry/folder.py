"""Which files of a folder are the model, and the ways in which a folder is unfit."""

import json
import re
from pathlib import Path
from typing import Any

from mainspring.errors import ModelRefused

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
# One of these sets makes a tokenizer that transformers can load without conversion or code.
TOKENIZERS = (
    ("tokenizer.json",),
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
    ("vocab.json", "source.spm", "target.spm"),
    ("tokenizer.model",),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
)
# What a tokenizer reads beside its vocabulary.
TOKENIZER_SETTINGS = {
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "target_vocab.json",
    "chat_template.jinja",
    "chat_template.json",
}
OF_TOKENIZERS = TOKENIZER_SETTINGS | {name for names in TOKENIZERS for name in names}
OTHERS = OF_TOKENIZERS | {
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "README.md",
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
    "NOTICE",
}


def belonging(folder: Path, weights: list[str]) -> tuple[str, ...]:
    """Sorted names, relative to the folder."""
    return tuple(sorted({name for name in OTHERS if (folder / name).is_file()} | set(weights)))


def read_json(folder: Path, name: str, *, optional: bool = False) -> dict[str, Any]:
    """Raises ModelRefused when it is missing, cannot be read or is not a JSON object."""
    path = folder / name
    if not path.is_file():
        if optional:
            return {}
        raise ModelRefused(
            f"there is no {name} in the folder",
            field="model",
            remedy="Give the folder that save_pretrained() wrote; it has config.json beside the weights.",
        )
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError):
        content = None
    if not isinstance(content, dict):
        raise ModelRefused(
            f"{name} is not a JSON object",
            field="model",
            remedy="Save or download the file again; check that it is complete.",
        )
    return content


def refuse_ways_out(folder: Path) -> None:
    """A link that leads out of the folder could bring in any file of the worker's machine."""
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise ModelRefused(
                f"{path.relative_to(folder)} is a link that leads out of the folder",
                field="model",
                remedy="Copy the folder with its links resolved (cp -rL FROM TO) and give the copy.",
            )


def weights(folder: Path) -> list[str]:
    """The safetensors files; of a sharded model, those that its index names. Pickled ones beside them are ignored."""
    found = sorted(path.name for path in folder.glob("*.safetensors") if path.is_file())
    pickled = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLED)
    if not found and pickled:
        raise ModelRefused(
            f"the weights are pickled ({pickled[0]}), and loading a pickle can run code",
            field="model",
            remedy="Save them as safetensors: model.save_pretrained(folder, safe_serialization=True).",
        )
    if not found:
        raise ModelRefused(
            "there are no weights in the folder",
            field="model",
            remedy="Give a folder with *.safetensors files beside config.json.",
        )
    index = read_json(folder, "model.safetensors.index.json", optional=True).get("weight_map")
    if not isinstance(index, dict):
        return ["model.safetensors"] if "model.safetensors" in found else found
    named = sorted({str(name) for name in index.values()})
    missing = [name for name in named if name not in found]
    if missing:
        raise ModelRefused(
            f"the index names {missing[0]}, which is not in the folder",
            field="model",
            remedy="Copy or download all parts of the model.",
        )
    return named


def has_tokenizer(folder: Path) -> bool:
    return any(all((folder / name).is_file() for name in names) for names in TOKENIZERS)


def require_tokenizer(folder: Path) -> None:
    """Raises ModelRefused."""
    if not has_tokenizer(folder):
        raise ModelRefused(
            "the tokenizer is missing: there is no tokenizer.json and no vocabulary in the folder",
            field="model",
            remedy="Save the tokenizer beside the model: tokenizer.save_pretrained(folder).",
        )


def licence(folder: Path) -> str | None:
    """As the model card's front matter says it."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    front = re.match(r"---\s*\n(.*?)\n---", card.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    stated = re.search(r"^license:\s*['\"]?([\w.+-]+)", front.group(1), re.MULTILINE) if front else None
    return stated.group(1) if stated else None
