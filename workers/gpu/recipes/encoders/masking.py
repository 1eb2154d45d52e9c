"""fill-mask: words that are hidden are to be found (Devlin et al., 2019)."""

from typing import Any

import torch
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerBase

from mainspring.curation.rows import Kind, Row
from mainspring.training.errors import TrainingFailed
from workers.gpu.recipes.answers import IGNORED, Padded
from workers.gpu.recipes.dataset import FIELD
from workers.gpu.recipes.encoders.lesson import Items, Lesson, Taught

HIDDEN = 0.15  # of the tokens; of them MASKED, another word for half of the others, and the word itself
MASKED = 0.8


class Masked(Items):
    """Texts piece by piece; what is hidden of item i is always the same, as a loop that goes on needs it."""

    def __init__(self, rows: list[Row], tokenizer: PreTrainedTokenizerBase, length: int, seed: int) -> None:
        self._tokenizer, self._seed = tokenizer, seed
        self._pieces = [piece for row in rows for piece in _pieces(row.text, tokenizer, length)]

    def __len__(self) -> int:
        return len(self._pieces)

    def __getitem__(self, index: int) -> dict[str, Any]:
        drawn = torch.Generator().manual_seed(self._seed * 1_000_003 + index)
        ids = torch.tensor(self._pieces[index])
        special = torch.isin(ids, torch.tensor(self._tokenizer.all_special_ids))
        chance = torch.rand(len(ids), generator=drawn).masked_fill(special, 1.0)
        hidden = chance < max(HIDDEN, float(chance.min()) + 1e-9)  # one at least
        fate = torch.rand(len(ids), generator=drawn)
        others = torch.randint(len(self._tokenizer), (len(ids),), generator=drawn)
        labels = ids.masked_fill(~hidden, IGNORED)
        read = ids.masked_fill(hidden & (fate < MASKED), int(self._tokenizer.mask_token_id))
        other = hidden & (fate >= (1 + MASKED) / 2)
        return {"input_ids": torch.where(other, others, read), "labels": labels}


def _pieces(text: str, tokenizer: PreTrainedTokenizerBase, length: int) -> list[list[int]]:
    """Each between the marks that the tokenizer puts around a whole text."""
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    whole = tokenizer(text, verbose=False)["input_ids"]
    begin = next(at for at in range(len(whole)) if whole[at : at + len(ids)] == ids) if ids else 0
    before, after = whole[:begin], whole[begin + len(ids) :]
    room = max(1, length - len(before) - len(after))
    return [[*before, *ids[at : at + room], *after] for at in range(0, len(ids), room)]


def lesson(taught: Taught) -> Lesson:
    """Raises TrainingFailed."""
    parameters, base = taught.parameters, taught.base
    if base.tokenizer.mask_token_id is None:
        raise TrainingFailed(
            "the base's tokenizer has no mask",
            field="parameters.base",
            remedy="Give an encoder that fills masks.",
        )
    training, held_out, learnt = taught.rows(Kind.TEXT, suits=lambda row: bool(row.text.strip()))
    sides = [
        Masked(rows, base.tokenizer, parameters.block_length, seed)
        for rows, seed in ((training, parameters.seed), (held_out, parameters.seed + 1))
    ]
    if not all(map(len, sides)):
        raise TrainingFailed("the texts have no words", field=FIELD, remedy="Give a dataset of texts.")
    model = base.model(AutoModelForMaskedLM, frozen=parameters.lora is not None)
    return Lesson(model, sides[0], sides[1], Padded(base.tokenizer.pad_token_id), learnt)
