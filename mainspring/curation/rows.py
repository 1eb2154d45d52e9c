"""What a dataset is made of: one row an example, of one of four kinds; as Arrow it is the same columns for all of them."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mainspring.terms import Task

if TYPE_CHECKING:
    import pyarrow as pa


class Kind(StrEnum):
    """What is learned from an example. text: every word of it. chat: the last answer of a conversation. labelled: which
    label a text has. preference: which of two answers to a conversation is the better one."""

    TEXT = "text"
    CHAT = "chat"
    LABELLED = "labelled"
    PREFERENCE = "preference"


class Origin(StrEnum):
    """Whence an example came."""

    TRAFFIC = "traffic"
    FEEDBACK = "feedback"
    UPLOAD = "upload"
    CRAWL = "crawl"
    REPLAY = "replay"  # a dataset that an earlier version has learned from


FRESH = frozenset(Origin) - {Origin.REPLAY}  # what no earlier version has learned from


class Split(StrEnum):
    """What trains, and what is kept aside to measure by: no group of examples is in both."""

    TRAIN = "train"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class Message:
    """`role`: system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Row:
    """`text` of a text or a labelled example, `messages` of the other two; `heading`: what a text is about, where it says so.

    The last of a chat's `messages` is the answer that is learned; a preference's end with what was asked, and `chosen` and
    `rejected` answer it. `target`: what a text is to be turned into, of a translation or a summary. `group`: what shares it
    stays on one side of a split. `source`: where in its origin it was, such as a file and its line, or a job's id. `basis`:
    why it may be learned from, in the policy's word. `licence`, `language`: None where they are not known.
    """

    kind: Kind
    origin: Origin
    source: str
    group: str
    text: str = ""
    heading: str = ""
    messages: tuple[Message, ...] = ()
    label: str | None = None
    target: str | None = None
    chosen: str | None = None
    rejected: str | None = None
    basis: str = ""
    licence: str | None = None
    language: str | None = None

    @property
    def content(self) -> str:
        """All that is said in it, in order: what duplicates, languages and personal data are looked for in."""
        said = [self.heading, self.text, *(message.content for message in self.messages)]
        return "\n".join(part for part in (*said, self.target, self.chosen, self.rejected) if part)

    def as_json(self) -> dict[str, Any]:
        """As a record of Arrow takes it."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        messages = [{"role": one.role, "content": one.content} for one in self.messages]
        return found | {"kind": self.kind.value, "origin": self.origin.value, "messages": messages}


def row_of(record: dict[str, Any]) -> Row:
    """From what as_json() gives. Raises ValueError for a kind or an origin that is none, TypeError for other fields."""
    messages = tuple(Message(one["role"], one["content"]) for one in record["messages"])
    own = {"kind": Kind(record["kind"]), "origin": Origin(record["origin"]), "messages": messages}
    return Row(**(record | own))


def schema() -> "pa.Schema":
    """Of the Parquet files."""
    import pyarrow as pa

    text, maybe = pa.string(), {"label", "target", "chosen", "rejected", "licence", "language"}
    said = pa.list_(
        pa.struct([pa.field("role", text, nullable=False), pa.field("content", text, nullable=False)])
    )
    return pa.schema(
        [
            pa.field(one.name, said if one.name == "messages" else text, nullable=one.name in maybe)
            for one in fields(Row)
        ]
    )


KINDS: dict[Task, frozenset[Kind]] = {
    Task.TEXT_GENERATION: frozenset({Kind.TEXT, Kind.CHAT, Kind.PREFERENCE}),
    Task.TEXT_CLASSIFICATION: frozenset({Kind.LABELLED}),
    Task.TOKEN_CLASSIFICATION: frozenset({Kind.LABELLED}),
    Task.FILL_MASK: frozenset({Kind.TEXT}),
    Task.FEATURE_EXTRACTION: frozenset({Kind.TEXT, Kind.LABELLED}),
    Task.QUESTION_ANSWERING: frozenset({Kind.CHAT}),
    Task.TRANSLATION: frozenset({Kind.TEXT}),
    Task.SUMMARIZATION: frozenset({Kind.TEXT}),
}
"""Which kinds the models of a task learn from."""
