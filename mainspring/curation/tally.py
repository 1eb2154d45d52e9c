"""What is counted of the rows that stay, as they are written."""

from bisect import insort
from collections import Counter
from dataclasses import dataclass, field

from mainspring.curation.hashing import same
from mainspring.curation.rows import Row, Split

EXAMPLES = 20


def _of_splits() -> Counter[str]:
    return Counter({split.value: 0 for split in Split})


@dataclass
class Tally:
    """`examples`: the rows of the least hashes, which is a sample, and the same each time."""

    rows: Counter[str] = field(default_factory=_of_splits)
    kinds: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    labels: dict[str, Counter[str]] = field(default_factory=lambda: {one.value: Counter() for one in Split})
    characters: int = 0
    _shown: list[tuple[int, int, Row]] = field(default_factory=list)

    def count(self, split: Split, row: Row) -> None:
        self.rows[split.value] += 1
        self.kinds[row.kind.value] += 1
        self.origins[row.origin.value] += 1
        self.licences[row.licence or "not stated"] += 1
        self.bases[row.basis or "not stated"] += 1
        self.languages[row.language or "unknown"] += 1
        self.characters += len(row.content)
        if row.label is not None:
            self.labels[split.value][row.label] += 1
        self._show(row)

    @property
    def examples(self) -> list[Row]:
        return [row for _, _, row in self._shown]

    def _show(self, row: Row) -> None:
        place = (same(row), self.rows.total())
        if len(self._shown) == EXAMPLES:
            if place > self._shown[-1][:2]:
                return
            self._shown.pop()
        insort(self._shown, (*place, row), key=lambda one: one[:2])
