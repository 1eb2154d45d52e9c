"""What a model folder says of itself, without torch or transformers; and every reason to refuse it unseen."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mainspring.errors import ModelRefused
from mainspring.registry import adapters
from mainspring.registry import folder as files
from mainspring.registry.heads import require_head
from mainspring.registry.tokenizer import tokenizer_of
from mainspring.registry.weights import count_parameters
from mainspring.tables import Task

CONTEXT_LENGTHS = ("max_position_embeddings", "n_positions", "n_ctx", "max_sequence_length", "seq_length")


@dataclass(frozen=True)
class Inspection:
    """`files` are the names, relative to the folder, that belong to the model; nothing else of it is stored.

    `tokenizer`: its kind and its digest; an adapter's is its base's, unless it brings one.
    """

    architecture: str
    model_type: str | None
    parameters: int
    context_length: int | None
    licence: str | None
    files: tuple[str, ...]
    tokenizer: dict[str, Any]


def inspect(folder: Path, task: Task, store: Path | None = None) -> Inspection:
    """`store`: where an adapter's base is. Raises ModelRefused, with the reason and the remedy."""
    if not folder.is_dir():
        raise ModelRefused(
            f"there is no folder {folder}",
            field="model",
            remedy="Give a folder on the train worker's machine, or a hub id such as owner/name.",
        )
    files.refuse_ways_out(folder)
    if adapters.is_adapter(folder):
        return _adapter(folder, task, store)
    config = files.read_json(folder, "config.json")
    _refuse_code(folder, config)
    weights = files.weights(folder)
    architecture = _architecture(config)
    require_head(architecture, task)
    files.require_tokenizer(folder)
    text_config = config.get("text_config")
    return Inspection(
        architecture=architecture,
        model_type=config.get("model_type"),
        parameters=sum(count_parameters(folder / name) for name in weights),
        context_length=_context_length(config | (text_config if isinstance(text_config, dict) else {})),
        licence=files.licence(folder),
        files=files.belonging(folder, weights),
        tokenizer=tokenizer_of(folder),
    )


def _adapter(folder: Path, task: Task, store: Path | None) -> Inspection:
    """What its base is, and its own parameters beside."""
    digest = adapters.base_digest(folder)
    if digest is None or store is None:
        raise ModelRefused(
            "this is an adapter, and its base is not named",
            field="model",
            remedy="Name the version that it changes, such as --base chat@1; or merge it into its base first.",
        )
    adapters.require_lora(folder)
    base = inspect(store / digest, task)
    return replace(
        base,
        parameters=base.parameters + count_parameters(folder / adapters.WEIGHTS),
        licence=files.licence(folder) or base.licence,
        files=adapters.belonging(folder),
        tokenizer=tokenizer_of(folder) if files.has_tokenizer(folder) else base.tokenizer,
    )


def _architecture(config: dict[str, Any]) -> str:
    names = config.get("architectures")
    if not isinstance(names, list) or not names or not isinstance(names[0], str):
        raise ModelRefused(
            "config.json does not say which architecture the weights are of",
            field="model",
            remedy="Save the model with save_pretrained(): it writes `architectures`.",
        )
    return names[0]


def _context_length(config: dict[str, Any]) -> int | None:
    for key in CONTEXT_LENGTHS:
        if isinstance(config.get(key), int):
            return int(config[key])
    return None


def _refuse_code(folder: Path, config: dict[str, Any]) -> None:
    told = [
        name
        for name, content in (
            ("config.json", config),
            ("tokenizer_config.json", files.read_json(folder, "tokenizer_config.json", optional=True)),
        )
        if "auto_map" in content
    ]
    told += sorted(str(path.relative_to(folder)) for path in folder.rglob("*.py"))
    if told:
        raise ModelRefused(
            f"the model brings its own code ({', '.join(told[:3])}), and remote code is never run here",
            field="model",
            remedy="Choose a model whose architecture is part of transformers, without auto_map and *.py files.",
        )
