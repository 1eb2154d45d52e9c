"""What a model's tokenizer is: of which kind, and one digest of all that it reads."""

from pathlib import Path
from typing import Any

from mainspring.registry import folder as files
from mainspring.registry.store import digest_of_files

_SETTINGS = {
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "target_vocab.json",
    "chat_template.jinja",
    "chat_template.json",
}
_NAMES = sorted(_SETTINGS | {name for names in files.TOKENIZERS for name in names})


def tokenizer_of(folder: Path) -> dict[str, Any]:
    """`kind`: the class that its configuration names, else its vocabulary's files. `digest`: as a model's, of its files alone."""
    names = [name for name in _NAMES if (folder / name).is_file()]
    kind = files.read_json(folder, "tokenizer_config.json", optional=True).get("tokenizer_class")
    made_of = ", ".join(name for name in names if name not in _SETTINGS)
    return {"kind": kind if isinstance(kind, str) else made_of, "digest": digest_of_files(folder, names)}
