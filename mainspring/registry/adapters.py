"""Adapters are stored as adapters: the small files, and beside them the digest of the base that they change."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from mainspring.errors import ModelRefused
from mainspring.registry import folder as files

CONFIG, WEIGHTS, BASE = "adapter_config.json", "adapter_model.safetensors", "base.json"
# What is more than two small matrices beside a linear layer, by what its configuration says then.
_BEYOND: dict[str, tuple[Any, ...]] = {
    "use_dora": (None, False),
    "bias": (None, "none"),
    "lora_bias": (None, False),
    "modules_to_save": (None, []),
    "layer_replication": (None, []),
    "trainable_token_indices": (None, [], {}),
    "target_parameters": (None, []),
    "use_qalora": (None, False),
    "alora_invocation_tokens": (None, []),
}


def is_adapter(folder: Path) -> bool:
    return (folder / CONFIG).is_file()


def base_digest(folder: Path) -> str | None:
    """Of the base of a stored adapter; None for a whole model. Its folder stands beside this one."""
    if not (folder / BASE).is_file():
        return None
    return str(files.read_json(folder, BASE).get("digest", ""))


def base_of(folder: Path) -> Path:
    """The folder of a stored adapter's base, or the folder of a whole model itself."""
    digest = base_digest(folder)
    return folder if digest is None else folder.parent / digest


def belonging(folder: Path) -> tuple[str, ...]:
    """The names of the files that are the adapter's."""
    named = [name for name in (CONFIG, WEIGHTS, BASE) if (folder / name).is_file()]
    return files.belonging(folder, named)


def with_base(folder: Path, digest: str, place: Path) -> Path:
    """The adapter's files in `place`, and what its base is. Raises ModelRefused for links that lead elsewhere."""
    files.refuse_ways_out(folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in sorted({*files.OTHERS, CONFIG, WEIGHTS} - {"config.json"}):
        source = folder / name
        if source.is_file():
            (place / name).parent.mkdir(exist_ok=True)
            try:
                os.link(source.resolve(), place / name)
            except OSError:
                shutil.copyfile(source, place / name)
    (place / BASE).write_text(json.dumps({"digest": digest}) + "\n", encoding="utf-8")
    return place


def require_lora(folder: Path) -> dict[str, Any]:
    """Its configuration. Raises ModelRefused for another kind of adapter than low-rank ones (Hu et al., 2021)."""
    config = files.read_json(folder, CONFIG)
    kind = config.get("peft_type")
    beyond = [name for name, plain in _BEYOND.items() if config.get(name) not in plain]
    if kind != "LORA" or beyond:
        raise ModelRefused(
            f"the adapter is {kind if kind != 'LORA' else f'LoRA with {beyond[0]}'}, and plain LoRA is served",
            field="model",
            remedy="Merge it into its base instead: model.merge_and_unload().save_pretrained(folder).",
        )
    if not (folder / WEIGHTS).is_file():
        raise ModelRefused(
            f"there is no {WEIGHTS} in the folder",
            field="model",
            remedy="Save the adapter with save_pretrained(); pickled weights are refused.",
        )
    return config
