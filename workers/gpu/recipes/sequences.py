"""Texts and what they are turned into, for models that read with an encoder and write with a decoder."""

from collections.abc import Iterable
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from mainspring.curation.rows import Row
from mainspring.tables import Task
from mainspring.training.recipes import SupervisedFineTuning
from workers.gpu.seq2seq.languages import languages_of


class Turned(Dataset[dict[str, torch.Tensor]]):
    """The text is read as a job's text is, and the target is what the version would have to write: the token that it has
    to begin with, if there is one, and the end included."""

    def __init__(
        self, rows: Iterable[Row], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, task: Task,
        parameters: SupervisedFineTuning,
    ) -> None:  # fmt: skip
        """Raises InvalidRequest for a language that the base does not know."""
        rules: Any = model.generation_config
        route = languages_of(task.value, model, tokenizer).route(
            parameters.source_language, parameters.target_language
        )
        self._rows, self._length = list(rows), parameters.block_length
        self._tokenizer: Any = tokenizer
        self._prefix = route.prefix
        first = rules.forced_bos_token_id if route.first is None else route.first
        start = rules.decoder_start_token_id if route.start is None else route.start
        self._first = [] if first is None else [first]
        self._start = rules.bos_token_id if start is None else start
        if hasattr(tokenizer, "src_lang"):
            self._tokenizer.src_lang = route.source or tokenizer.src_lang
            self._tokenizer.tgt_lang = parameters.target_language or tokenizer.src_lang

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        """input_ids of the text; labels of the target, and the decoder's inputs, one behind."""
        row = self._rows[index]
        read = self._tokenizer(self._prefix + row.text, truncation=True, max_length=self._length)["input_ids"]
        text = self._tokenizer(text_target=row.target, add_special_tokens=False)["input_ids"]
        written = [*self._first, *text[: self._length - 2], self._tokenizer.eos_token_id]
        return {
            "input_ids": torch.tensor(read),
            "labels": torch.tensor(written),
            "decoder_input_ids": torch.tensor([self._start, *written[:-1]]),
        }
