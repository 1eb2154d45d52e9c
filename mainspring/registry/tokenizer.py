"""What a model's tokenizer is: of which kind, and one digest of all that it reads."""

from pathlib import Path
from typing import Any

from mainspring.registry import folder as files
from mainspring.registry.store import digest_of_files


def tokenizer_of(folder: Path) -> dict[str, Any]:
    """`kind`: the class that its configuration names, else its vocabulary's files. `digest`: as a model's, of its files alone."""
    names = [name for name in sorted(files.OF_TOKENIZERS) if (folder / name).is_file()]
    kind = files.read_json(folder, "tokenizer_config.json", optional=True).get("tokenizer_class")
    made_of = ", ".join(name for name in names if name not in files.TOKENIZER_SETTINGS)
    return {"kind": kind if isinstance(kind, str) else made_of, "digest": digest_of_files(folder, names)}
