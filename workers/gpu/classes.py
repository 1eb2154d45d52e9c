"""text-classification: {label, score, scores: [{label, score}, …]}, best first."""

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig

from workers.gpu.heads import Piece, TextHead, Texts, labels, mean_log


class ClassHead(TextHead):
    """Probabilities by softmax; by sigmoid when a text may have several labels or there is one only.

    A regression's number is given as it is. Parameter `top_k` limits `scores`.
    """

    def __init__(self, texts: Texts, config: PreTrainedConfig) -> None:
        super().__init__(texts)
        self._labels = labels(config)
        self._kind = getattr(config, "problem_type", None)

    def rows(self, outputs: Any, mask: Tensor) -> list[Tensor]:  # noqa: ARG002  one row a text already
        """[labels] of each text."""
        return list(outputs.logits.float().cpu())

    def read(self, text: str, piece: Piece, row: Tensor, parameters: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        ranked = sorted(enumerate(self._scores(row).tolist()), key=lambda pair: -pair[1])
        scores = [{"label": self._labels.get(index, str(index)), "score": score} for index, score in ranked]
        return {**scores[0], "scores": scores[: parameters.get("top_k")]}

    def likelihood(self, output: Any) -> float | None:
        """Of the labels given; where each stands for itself, or is a number, a low score is no doubt."""
        if not self._chooses:
            return None
        return mean_log([one["score"] for one in (output if isinstance(output, list) else [output])])

    def measures(self, rows: list[Tensor]) -> dict[str, float]:
        """`margin`: by how much the best label's probability exceeds the second's, the mean over the texts."""
        if not self._chooses or not rows:
            return {}
        best, second = torch.stack(rows).softmax(dim=-1).topk(2, dim=-1).values.unbind(dim=-1)
        return {"margin": float((best - second).mean())}

    @property
    def _chooses(self) -> bool:
        """One label of several."""
        return self._kind not in ("regression", "multi_label_classification") and len(self._labels) > 1

    def _scores(self, row: Tensor) -> Tensor:
        if self._kind == "regression":
            return row
        several = self._kind == "multi_label_classification" or len(row) == 1
        return row.sigmoid() if several else row.softmax(dim=-1)
