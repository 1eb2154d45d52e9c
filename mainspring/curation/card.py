"""The data card: whence the rows are, by what right, what was removed and why, and what they look like."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from mainspring.curation.hashing import same
from mainspring.curation.rows import Row, Split

EXAMPLES = 20
LONGEST = 600  # characters of an example


@dataclass
class Tally:
    """What is counted of the rows that stay, as they are written."""

    rows: Counter[str] = field(default_factory=lambda: Counter({split.value: 0 for split in Split}))
    kinds: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    labels: dict[str, Counter[str]] = field(
        default_factory=lambda: {split.value: Counter() for split in Split}
    )
    examples: list[tuple[int, Row]] = field(default_factory=list)

    def count(self, split: Split, row: Row) -> None:
        self.rows[split.value] += 1
        self.kinds[row.kind.value] += 1
        self.origins[row.origin.value] += 1
        self.licences[row.licence or "not stated"] += 1
        self.bases[row.basis or "not stated"] += 1
        self.languages[row.language or "unknown"] += 1
        if row.label is not None:
            self.labels[split.value][row.label] += 1
        self._show(row)

    def _show(self, row: Row) -> None:
        """Those of the least hashes: a sample that is the same each time."""
        if len(self.examples) < EXAMPLES:
            self.examples.append((same(row), row))
        elif (number := same(row)) < self.examples[-1][0]:
            self.examples[-1] = (number, row)
        else:
            return
        self.examples.sort(key=lambda one: one[0])


def example(row: Row) -> dict[str, Any]:
    """Without the fields that say nothing, and not longer than fits on a page."""
    said = {
        "kind": row.kind.value,
        "origin": row.origin.value,
        "heading": row.heading,
        "text": row.text,
        "messages": [{"role": one.role, "content": one.content[:LONGEST]} for one in row.messages],
        "label": row.label,
        "target": row.target,
        "chosen": row.chosen,
        "rejected": row.rejected,
    }
    return {
        name: value[:LONGEST] if isinstance(value, str) else value for name, value in said.items() if value
    }
