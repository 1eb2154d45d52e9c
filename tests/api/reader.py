"""A client of a job's events that keeps what it was told, as an EventSource would."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Reader:
    """A client that keeps what it was told, as an EventSource would."""

    client: httpx.Client
    job_id: str
    last: str | None = None
    text: str = ""
    events: list[tuple[str, str, Any]] = field(default_factory=list)

    def read(self, cut_after: int | None = None) -> str:
        """Until the stream ends or so many more characters have come; the text so far."""
        headers = {"Last-Event-ID": self.last} if self.last else {}
        begun = len(self.text)
        with self.client.stream("GET", f"/v1/jobs/{self.job_id}/events", headers=headers) as answer:
            assert answer.status_code == 200, answer.read()
            for event in parse(answer.iter_lines()):
                self.take(*event)
                if cut_after is not None and len(self.text) - begun >= cut_after:
                    break
        return self.text

    def take(self, name: str, event_id: str, data: Any) -> None:
        self.events.append((name, event_id, data))
        self.last = event_id
        if data.get("discard"):
            self.text = ""
        if name == "token":
            assert data["offset"] == len(self.text)
            self.text += data["text"]
            assert event_id.endswith(f".{len(self.text)}")

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.events]

    @property
    def done(self) -> Any:
        assert self.names.count("done") == 1
        assert self.names[-1] == "done"
        return self.events[-1][2]


def parse(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    fields: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line:
            if "data" in fields:
                yield fields["event"], fields["id"], json.loads(fields["data"])
            fields = {}
