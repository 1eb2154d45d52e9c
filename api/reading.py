"""What a reader of a job's events has had, and what comes next. Pure: it is given rows and stream entries.

A position is `<attempt>.<offset>`: the reader has the first `offset` characters of that attempt's text. The row's
output is the truth; entries only make it come sooner. So whatever is lost, doubled or void on the way, the tokens
of the last attempt, joined, equal the stored output.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from api.rendering import ServerEvent
from mainspring.errors import InvalidRequest
from mainspring.serving.views import JobView
from mainspring.tables import JobState

_ID = re.compile(r"([0-9]{1,9})\.([0-9]{1,12}|end)")
_REMEDY = "Send the id of the last event that you received, unchanged, or none to begin anew."


@dataclass(frozen=True)
class Position:
    """`ended`: the reader has had the `done` event."""

    attempt: int = 0
    offset: int = 0
    ended: bool = False

    @classmethod
    def parse(cls, given: str) -> Self:
        """Raises InvalidRequest."""
        found = _ID.fullmatch(given)
        if found is None:
            raise impossible("this is not the id of an event")
        if found[2] == "end":
            return cls(int(found[1]), 0, ended=True)
        return cls(int(found[1]), int(found[2]))

    def check(self, view: JobView) -> None:
        """Raises InvalidRequest if no event of this job can have had this position."""
        over = JobState(view["state"]).ended
        if self.attempt > view["attempt"] or (self.ended and not over):
            raise impossible("this job has no such event yet")
        text = _text(view)
        if self.attempt == view["attempt"] and text is not None and self.offset > len(text):
            raise impossible(f"this job's text has {len(text)} characters")


@dataclass(frozen=True)
class Entry:
    """One entry of the job's Redis stream: text that begins at a character of an attempt."""

    attempt: int
    offset: int
    text: str


class Reading:
    """One reader's road through one job. Give it a row first."""

    def __init__(self, position: Position) -> None:
        self.ended = False
        self._attempt, self._offset = position.attempt, position.offset
        self._gap = False
        self._state: JobState | None = None  # as the reader knows it
        self._version = ""

    def row(self, view: JobView) -> Iterator[ServerEvent]:
        """What the row adds. After the last event `ended` is true."""
        self._version = view["version"]
        state, discard = JobState(view["state"]), self._begin(view["attempt"])
        if self._state is None or discard or (state != self._state and not state.ended):
            yield self._tell(state, discard=discard)
        if state.ended:
            yield from self._say((_text(view) or "")[self._offset :])
            self.ended = True
            yield ServerEvent("done", f"{self._attempt}.end", view)

    def entries(self, entries: Sequence[Entry]) -> Iterator[ServerEvent]:
        """What these add: neighbours joined, what was had or is void left out, nothing after a gap."""
        pending = ""
        for entry in entries:
            if entry.attempt > self._attempt:
                yield from self._say(pending)
                pending = ""
                yield self._tell(JobState.RUNNING, discard=self._begin(entry.attempt))
            reached = self._offset + len(pending)
            # A queued job's newest attempt was handed back: what still arrives of it is void.
            if entry.attempt < self._attempt or self._state is JobState.QUEUED or self._gap:
                continue
            if entry.offset > reached:
                self._gap = True
                continue
            pending += entry.text[reached - entry.offset :]
        yield from self._say(pending)

    def _begin(self, attempt: int) -> bool:
        """Go on to this attempt if it is new; True if the reader has to throw text away."""
        if attempt <= self._attempt:
            return False
        had = self._offset > 0
        self._attempt, self._offset, self._gap, self._state = attempt, 0, False, None
        return had

    def _tell(self, state: JobState, *, discard: bool) -> ServerEvent:
        self._state = state
        data = {"state": state.value, "attempt": self._attempt, "version": self._version}
        if discard:
            data["discard"] = True
        return ServerEvent("state", self._position, data)

    def _say(self, text: str) -> Iterator[ServerEvent]:
        if text:
            data = {"text": text, "offset": self._offset}
            self._offset += len(text)
            yield ServerEvent("token", self._position, data)

    @property
    def _position(self) -> str:
        return f"{self._attempt}.{self._offset}"


def impossible(detail: str) -> InvalidRequest:
    return InvalidRequest(detail, field="Last-Event-ID", remedy=_REMEDY)


def _text(view: JobView) -> str | None:
    output = view.get("output")
    text = output.get("text") if isinstance(output, dict) else None
    return text if isinstance(text, str) else None
