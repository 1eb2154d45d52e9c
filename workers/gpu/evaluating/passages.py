"""Which tokens of a row are read, and which of them count.

Of a conversation the last answer alone counts, given all that was said before it as serving lays it out: that is what the
model writes, what fine-tuning learns, and the only part that two templates have in common. Marks of a template and ends
of a text are not counted, so that whatever the tokenizer, what is scored is the same text. A text that says what it is
about is asked for so where there is a template, as recipes have it learned.
"""

from dataclasses import dataclass
from typing import Any

from mainspring.curation.rows import Kind, Row
from mainspring.errors import InvalidRequest
from workers.gpu.load import Loaded
from workers.gpu.prompts import Prompts


@dataclass(frozen=True)
class Passage:
    """`ids` from `first` on are those of the `text`, those before it what it is given."""

    ids: list[int]
    first: int
    text: str


class Layout:
    """Of one version. A text that nothing goes before follows what begins texts, or what ends them; of a tokenizer that
    has neither the first token does not count."""

    def __init__(self, loaded: Loaded) -> None:
        self._tokenizer = loaded.tokenizer
        self._prompts = Prompts(loaded.tokenizer, loaded.context)
        begin = loaded.tokenizer.bos_token_id
        begin = loaded.tokenizer.eos_token_id if begin is None else begin
        self._lead = [] if begin is None else [int(begin)]

    def passage(self, row: Row) -> Passage | None:
        """None: the version cannot read it, such as what its template refuses."""
        if row.kind == Kind.TEXT and row.target is None and not (row.heading and self._has_template):
            return self._made(self._lead, row.text)
        return self.answering(asked_of(row), answer_of(row))

    def answering(self, messages: list[dict[str, str]], answer: str) -> Passage | None:
        """An answer to what was said. None as above."""
        as_text = "\n".join(one["content"] for one in messages)
        try:
            before = self._prompts.ids({"messages": messages, "as_text": as_text})
        except InvalidRequest:
            return None
        return self._made(before, answer)

    @property
    def _has_template(self) -> bool:
        return bool(getattr(self._tokenizer, "chat_template", None))

    def _made(self, before: list[int], text: str) -> Passage | None:
        ids = list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        first = max(1, len(before))
        return Passage([*before, *ids], first, text) if len(before) + len(ids) > first else None


def asked_of(row: Row) -> list[dict[str, str]]:
    """What goes before the answer."""
    if row.kind in (Kind.CHAT, Kind.PREFERENCE):
        said = row.messages if row.kind == Kind.PREFERENCE else row.messages[:-1]
        return [{"role": one.role, "content": one.content} for one in said]
    return [{"role": "user", "content": row.heading if row.target is None else row.text}]


def answer_of(row: Row) -> str:
    """What a version learns to answer."""
    if row.kind == Kind.CHAT:
        return row.messages[-1].content
    if row.kind == Kind.PREFERENCE:
        return row.chosen or ""
    return row.text if row.target is None else row.target


def input_of(row: Row) -> Any:
    """The same as an engine is given it."""
    messages = asked_of(row)
    return {"messages": messages, "as_text": "\n".join(one["content"] for one in messages)}


def is_asked(row: Row) -> bool:
    """Whether something goes before the answer, in which case there is something to ask."""
    return row.kind in (Kind.CHAT, Kind.PREFERENCE) or row.target is not None
