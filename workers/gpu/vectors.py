"""feature-extraction: one vector of length 1 a text."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mainspring.errors import ModelRefused
from workers.gpu.heads import Piece, TextHead, Texts, unpadded
from workers.gpu.weights import read_json

_KNOWN = {"cls_token": "first", "mean_tokens": "mean", "max_tokens": "max", "lasttoken": "last"}


class VectorHead(TextHead):
    """Pooled over the tokens as a sentence-transformers folder says, by default the mean; then normalised."""

    def __init__(self, texts: Texts, path: Path) -> None:
        super().__init__(texts)
        self._pooling = pooling(path)

    def rows(self, outputs: Any, mask: Tensor) -> list[Tensor]:
        """[hidden] of each text: pooled before it leaves the device would save little, the rows are small."""
        return [self._pooled(row) for row in unpadded(outputs.last_hidden_state, mask)]

    def read(self, text: str, piece: Piece, row: Tensor, parameters: dict[str, Any]) -> list[float]:  # noqa: ARG002
        """Rounded to 8 decimals, which is what float32 holds of it: half as many digits to send and store."""
        vector: list[float] = torch.nn.functional.normalize(row.double(), dim=0).round(decimals=8).tolist()
        return vector

    def _pooled(self, tokens: Tensor) -> Tensor:
        if self._pooling == "first":
            return tokens[0]
        if self._pooling == "last":
            return tokens[-1]
        return tokens.amax(dim=0) if self._pooling == "max" else tokens.mean(dim=0)


def pooling(path: Path) -> str:
    """first, mean, max or last. Raises ModelRefused for a way of pooling, or a layer behind it, that is not run here."""
    dense = [folder.name for folder in path.glob("*_Dense") if folder.is_dir()]
    if dense:
        raise ModelRefused(f"the folder has a layer `{dense[0]}` behind its pooling, which is not run here")
    config = path / "1_Pooling" / "config.json"
    if not config.exists():
        return "mean"
    settings = read_json(config)
    chosen = [name for name in settings if name.startswith("pooling_mode_") and settings[name]]
    modes = [name.removeprefix("pooling_mode_") for name in chosen]
    if len(modes) != 1 or modes[0] not in _KNOWN:
        raise ModelRefused(f"the pooling {', '.join(modes) or 'of none'} is not run here")
    return _KNOWN[modes[0]]
