"""What became of the rows: how many reached each step, how many it changed, how many it removed, and why."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mainspring.curation.found import SetAside

AT_A_TIME = 5000


@dataclass
class Counts:
    """Of one step."""

    seen: int = 0
    changed: int = 0
    removed: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        removed = dict(sorted(self.removed.items()))
        left = self.seen - sum(removed.values())
        return {"in": self.seen, "changed": self.changed, "removed": removed, "out": left}


class Ledger:
    """Also writes down each row that was set aside: the step, the reason and where it was, without its text."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self.steps: dict[str, Counts] = {}
        self._first: dict[tuple[str, str], str] = {}
        columns = ("step", "reason", "origin", "source")
        self._schema = pa.schema([pa.field(name, pa.string(), nullable=False) for name in columns])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[dict[str, str]] = []

    def of(self, step: str) -> Counts:
        """Those of a step, which are made when it is first asked for: steps are told in that order."""
        return self.steps.setdefault(step, Counts())

    def put(self, one: SetAside) -> None:
        """Remove a row that the step has seen."""
        self.of(one.step).removed[one.reason] += 1
        self._first.setdefault((one.step, one.reason), one.source)
        self._waiting.append(
            {"step": one.step, "reason": one.reason, "origin": one.origin.value, "source": one.source}
        )
        if len(self._waiting) >= AT_A_TIME:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def removed(self, *steps: str) -> int:
        """By any of them."""
        return sum(self.steps[step].removed.total() for step in steps if step in self.steps)

    def most(self, steps: Collection[str], reasons: int) -> list[tuple[int, str, str]]:
        """The reasons that removed most: how many rows, the reason, and where the first of them was."""
        found = [
            (many, reason, self._first[step, reason])
            for step in steps
            for reason, many in self.of(step).removed.items()
        ]
        return sorted(found, key=lambda one: (-one[0], one[1]))[:reasons]

    def as_json(self) -> dict[str, Any]:
        """Without a step that saw nothing."""
        return {step: counts.as_json() for step, counts in self.steps.items() if counts.seen}

    def _flush(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting.clear()
