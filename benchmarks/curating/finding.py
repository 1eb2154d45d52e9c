"""How much of what was planted is found, and how much of what is found was planted."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import orjson
from pyarrow import parquet

from benchmarks.curating.planting import ASKED, EXACT, NEAR, PERSONAL, RUBBISH, Planted
from mainspring.curation import files
from mainspring.curation.curating import curate
from mainspring.curation.excluded import NAME
from mainspring.curation.plan import curation_plan
from mainspring.curation.rows import Split
from mainspring.curation.surroundings import Surroundings

STEPS = {
    EXACT: ("exact_duplicates",),
    NEAR: ("near_duplicates",),
    ASKED: ("contamination",),
    RUBBISH: ("normalise", "quality", "read"),
}


@dataclass(frozen=True)
class Figure:
    """`missed`: by how it was planted."""

    what: str
    planted: int
    found: int
    wrong: int
    missed: dict[str, int]

    def line(self) -> str:
        precision = self.found / (self.found + self.wrong) if self.found + self.wrong else 0.0
        missed = ", ".join(f"{many} {how}" for how, many in sorted(self.missed.items()))
        return (
            f"| {self.what} | {self.planted} | {self.found / self.planted:.3f} | {precision:.3f} |"
            f" {self.wrong} | {missed} |"
        )


def figures(
    planted: Planted, around: Surroundings, folder: Path, evaluation: list[str], pii: str
) -> list[Figure]:
    """Of one dataset made of all that was planted."""
    source = folder / "planted.jsonl"
    source.write_bytes(b"\n".join(orjson.dumps({"text": text}) for text in planted.rows) + b"\n")
    made = folder / f"made-{pii}"
    plan = curation_plan(
        {"uploads": [{"path": str(source), "licence": "mixed"}], "evaluation": evaluation, "pii": pii}
    )
    curate(plan, around, made)
    gone = _gone(made)
    found = [_duplicates(planted, gone, kind) for kind in (EXACT, NEAR)]
    found += [_removed(planted, gone, kind, _training(made)) for kind in (ASKED, RUBBISH)]
    return [*found, _personal(planted, made, "persons' names" if pii == "names" else "personal data")]


def _gone(made: Path) -> dict[int, str]:
    """The step that set each row aside, by its place."""
    table = parquet.read_table(made / NAME).to_pylist()
    return {int(one["source"].rpartition(":")[2]) - 1: one["step"] for one in table}


def _training(made: Path) -> set[int]:
    return {int(row.source.rpartition(":")[2]) - 1 for row in files.read(made, Split.TRAIN)}


def _duplicates(planted: Planted, gone: dict[int, str], kind: str) -> Figure:
    """A pair is found if one of the two is set aside as either kind of duplicate."""
    steps = (*STEPS[EXACT], *STEPS[NEAR])
    pairs = [(one, twin) for one, twin in planted.twins.items() if planted.kinds[one] == kind]
    found = sum(any(gone.get(row) in steps for row in pair) for pair in pairs)
    in_pairs = {row for pair in planted.twins.items() for row in pair}
    wrong = sum(step in STEPS[kind] and row not in in_pairs for row, step in gone.items())
    return Figure(f"{kind} duplicates", len(pairs), found, wrong, {})


def _removed(planted: Planted, gone: dict[int, str], kind: str, training: set[int]) -> Figure:
    """An item of an evaluation is found if it does not train; rubbish, if it is set aside by a step against it."""
    rows = [row for row, what in enumerate(planted.kinds) if what == kind]
    missed: dict[str, int] = defaultdict(int)
    for row in rows:
        if row in training if kind == ASKED else gone.get(row) not in STEPS[kind]:
            missed[planted.how[row]] += 1
    wrong = sum(step in STEPS[kind] and planted.kinds[row] != kind for row, step in gone.items())
    names = {ASKED: "evaluation items", RUBBISH: "rubbish"}
    return Figure(names[kind], len(rows), len(rows) - sum(missed.values()), wrong, dict(missed))


def _personal(planted: Planted, made: Path, name: str) -> Figure:
    """Found if it is in no row any more; wrong is what was replaced besides."""
    missed: dict[str, int] = defaultdict(int)
    seen = wrong = 0
    for split in Split:
        for row in files.read(made, split):
            place = int(row.source.rpartition(":")[2]) - 1
            marks = row.text.count("<") - planted.rows[place].count("<")
            if planted.kinds[place] != PERSONAL:
                wrong += max(0, marks)
                continue
            seen += 1
            datum, kind = planted.data[place]
            missed[kind] += any(part in row.text for part in datum.split() if len(part) > 3)
            wrong += max(0, marks - 1)
    missed = {kind: many for kind, many in missed.items() if many}
    return Figure(name, seen, seen - sum(missed.values()), wrong, missed)
