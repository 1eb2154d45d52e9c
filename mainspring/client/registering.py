"""Register a model from where it is being worked on: live `transformers` objects, a folder, or a hub id.

Nothing of `transformers` is imported: whatever can `save_pretrained` is a model or a tokenizer.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from mainspring.errors import InvalidRequest, ModelRefused

POLL_SECONDS = 0.5


class Saveable(Protocol):
    def save_pretrained(self, save_directory: str, /) -> Any: ...


@contextmanager
def placed(model: Saveable | str | Path, tokenizer: Saveable | None, folder: Path | None) -> Iterator[str]:
    """What the train worker is told to import; live objects are saved for it, below `folder` or as temporary files.

    Raises InvalidRequest for a live model without a tokenizer.
    """
    if isinstance(model, str | Path):
        yield str(Path(model).resolve()) if Path(model).is_dir() else str(model)
        return
    if tokenizer is None:
        raise InvalidRequest(
            "a model needs its tokenizer",
            field="tokenizer",
            remedy="Give both: client.register(model, tokenizer, deployment=…).",
        )
    with tempfile.TemporaryDirectory(prefix="mainspring-", dir=folder) as place:
        Path(place).chmod(0o755)  # a worker may be another user
        for one in (model, tokenizer):
            one.save_pretrained(place)
        yield place


def import_body(
    model: str, revision: str | None, *, base: str | None = None, now: bool, hold: bool = False
) -> dict[str, Any]:
    said = {"revision": revision, "base": base, "now": now, "hold": hold}
    return {"model": model} | {name: value for name, value in said.items() if value}


def over(run: dict[str, Any]) -> bool:
    """Raises ModelRefused, with the train worker's reason and remedy, when the run has failed."""
    if run["state"] == "failed":
        error = run["error"] or {}
        raise ModelRefused(
            error.get("detail", "the run failed"), field=error.get("field"), remedy=error.get("remedy")
        )
    return run["state"] not in ("queued", "running")
