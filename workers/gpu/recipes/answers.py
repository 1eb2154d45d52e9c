"""Questions and answers as token ids, of which the answers alone are learned: what is not, has the label IGNORED."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jinja2 import TemplateError
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from mainspring.curation.rows import Message, Row
from mainspring.training.errors import TrainingFailed

IGNORED = -100
Ids = list[int]


@dataclass(frozen=True)
class Asked:
    """What was asked, as a job's input becomes tokens; and the answer, with its end."""

    prompt: Ids
    answer: Ids

    def within(self, length: int) -> "Asked":
        """Of a prompt the end and of an answer the beginning are kept, and at least a quarter of the length for a prompt."""
        room = max(length - len(self.answer), length // 4)
        prompt = self.prompt[-room:]
        return Asked(prompt, self.answer[: length - len(prompt)])


class Speaker:
    """Conversations by the model's own chat template; a model without one goes on with the text."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer

    def asked(self, said: Sequence[Message], *answers: str) -> list[Asked]:
        """The same question with each answer. Raises TrainingFailed when the template takes no such conversation."""
        if self._tokenizer.chat_template is None:
            prompt = self._ids("\n\n".join(one.content for one in said), special=True)
            end = [] if self._tokenizer.eos_token_id is None else [self._tokenizer.eos_token_id]
            return [Asked(prompt, self._ids(answer) + end) for answer in answers]
        begun = self._written(said, open_=True)
        return [Asked(self._ids(begun), self._ids(self._after(begun, said, answer))) for answer in answers]

    def _after(self, begun: str, said: Sequence[Message], answer: str) -> str:
        """What the template writes of the answer behind what it writes of the question."""
        whole = self._written([*said, Message("assistant", answer)], open_=False)
        if whole.startswith(begun):
            return whole[len(begun) :]
        return answer + str(self._tokenizer.eos_token or "")

    def _written(self, said: Sequence[Message], *, open_: bool) -> str:
        messages = [{"role": one.role, "content": one.content} for one in said]
        try:
            return str(
                self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=open_)
            )
        except (TemplateError, TypeError, ValueError):
            # Its own words may quote the messages: they stay here.
            raise TrainingFailed(
                "the base's chat template does not take a conversation of the dataset",
                field="parameters.dataset",
                remedy="Let user and assistant take turns, or leave system messages out.",
            ) from None

    def _ids(self, text: str, *, special: bool = False) -> Ids:
        return list(self._tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"])


def is_answered(row: Row) -> bool:
    return len(row.messages) > 1 or bool(row.target)


class Answers(Dataset[dict[str, torch.Tensor]]):
    """Of conversations that end with an answer, and of texts with a target, which answers them."""

    def __init__(self, rows: Iterable[Row], tokenizer: PreTrainedTokenizerBase, length: int) -> None:
        speaker = Speaker(tokenizer)
        self._asked = [speaker.asked(*_turn(row))[0].within(length) for row in rows]

    def __len__(self) -> int:
        return len(self._asked)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        one = self._asked[index]
        ids = torch.tensor(one.prompt + one.answer)
        labels = torch.tensor([IGNORED] * len(one.prompt) + one.answer)
        return {"input_ids": ids, "labels": labels}


def _turn(row: Row) -> tuple[Sequence[Message], str]:
    if row.messages:
        return row.messages[:-1], row.messages[-1].content
    return (Message("user", row.text),), str(row.target)


class Padded:
    """A batch of sequences with their attention_mask, each [batch, longest], padded on the right."""

    def __init__(self, pad: int | None) -> None:
        self._pad = pad or 0

    def __call__(self, items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        found = {name: [torch.as_tensor(item[name]) for item in items] for name in items[0]}
        found["attention_mask"] = [torch.ones_like(ids) for ids in found["input_ids"]]
        fill = {"input_ids": self._pad, "decoder_input_ids": self._pad, "labels": IGNORED}
        return {
            name: pad_sequence(parts, batch_first=True, padding_value=fill.get(name, 0))
            for name, parts in found.items()
        }
