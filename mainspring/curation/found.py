"""What a source gives: a row, or what could not become one."""

from dataclasses import dataclass

from mainspring.curation.rows import Origin, Row


@dataclass(frozen=True, slots=True)
class SetAside:
    """`step`: which part of the pipeline; `reason`: in a few words without the text; `source`: as Row has it."""

    step: str
    reason: str
    origin: Origin
    source: str


Found = Row | SetAside


def aside(row: Row, step: str, reason: str) -> SetAside:
    return SetAside(step, reason, row.origin, row.source)
