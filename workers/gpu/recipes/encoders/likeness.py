"""feature-extraction: vectors that are near each other where texts belong together.

Of a labelled row, with those of its label (Khosla et al., 2020); of a text, with what it is about or was turned into where
the row says so, and else with itself as another pass of dropout sees it (Gao et al., SimCSE, 2021). What else is in a batch
is what it shall be far from.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModel, Trainer

from mainspring.curation.rows import Kind, Row
from workers.gpu.recipes.encoders.lesson import Lesson, Listed, Taught
from workers.gpu.vectors import pooling

TEMPERATURE = 0.05


def lesson(taught: Taught) -> Lesson:
    """Raises TrainingFailed."""
    parameters, base = taught.parameters, taught.base
    training, held_out, learnt = taught.rows(
        Kind.TEXT, Kind.LABELLED, suits=lambda row: bool(row.text.strip())
    )
    labels = sorted({row.label for row in (*training, *held_out) if row.label is not None})

    def listed(rows: list[Row]) -> Listed:
        cut: dict[str, Any] = {"truncation": True, "max_length": parameters.block_length}
        one = base.tokenizer([row.text for row in rows], **cut)["input_ids"]
        other = base.tokenizer([row.target or row.heading or row.text for row in rows], **cut)["input_ids"]
        groups = [labels.index(row.label) if row.label is not None else -1 for row in rows]
        named = zip(one, other, groups, strict=True)
        return Listed([{"one": a, "other": b, "group": group} for a, b, group in named])

    model = base.model(AutoModel, frozen=parameters.lora is not None)
    return Lesson(
        model, listed(training), listed(held_out), Both(base.tokenizer.pad_token_id or 0), learnt,
        trainer=trainer_of(pooling(base.whole)), arguments={"remove_unused_columns": False},
        reads=lambda item: [item["one"], item["other"]],
    )  # fmt: skip


class Both:
    """Both sides of a batch below each other: input_ids and attention_mask [2 x batch, longest], and group [batch]."""

    def __init__(self, pad: int) -> None:
        self._pad = pad

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, Tensor]:
        ids = [torch.tensor(item[side]) for side in ("one", "other") for item in items]
        masks = [torch.ones_like(one) for one in ids]
        return {
            "input_ids": pad_sequence(ids, batch_first=True, padding_value=self._pad),
            "attention_mask": pad_sequence(masks, batch_first=True),
            "group": torch.tensor([item["group"] for item in items]),
        }


def contrast(one: Tensor, other: Tensor, group: Tensor) -> Tensor:
    """InfoNCE over [batch, width] of each side, both ways; members of a group belong together, -1 to none but their own."""
    likeness = normalize(one.float(), dim=-1) @ normalize(other.float(), dim=-1).t() / TEMPERATURE
    together = (group.unsqueeze(0) == group.unsqueeze(1)) & (group >= 0)
    wanted = (together | torch.eye(len(group), dtype=torch.bool, device=group.device)).float()
    wanted = wanted / wanted.sum(dim=-1, keepdim=True)
    both = [
        -(wanted * one_way.log_softmax(dim=-1)).sum(dim=-1).mean() for one_way in (likeness, likeness.t())
    ]
    return torch.stack(both).mean()


def pooled(tokens: Tensor, mask: Tensor, how: str) -> Tensor:
    """[rows, width] of [rows, longest, width], padded on the right; `how`: as vectors.pooling() says."""
    if how == "first":
        return tokens[:, 0]
    if how == "last":
        return tokens[torch.arange(len(tokens), device=tokens.device), mask.sum(dim=-1) - 1]
    real = mask.unsqueeze(-1).to(tokens.dtype)
    if how == "max":
        return tokens.masked_fill(real == 0, -torch.inf).amax(dim=1)
    return (tokens * real).sum(dim=1) / real.sum(dim=1)


def trainer_of(how: str) -> type[Trainer]:
    class Contrasting(Trainer):
        def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *_: Any, **__: Any) -> Any:
            outputs = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
            vectors = pooled(outputs.last_hidden_state, inputs["attention_mask"], how)
            one, other = vectors.chunk(2)
            return contrast(one, other, inputs["group"])

        def prediction_step(self, model: nn.Module, inputs: dict[str, Any], *_: Any, **__: Any) -> Any:
            with torch.no_grad(), self.compute_loss_context_manager():
                return self.compute_loss(model, self._prepare_inputs(inputs)).detach(), None, None

    return Contrasting
