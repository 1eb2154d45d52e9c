"""What curating finds of what was planted, and how many rows a second it takes.

Planted in paragraphs of real documentation: exact duplicates (other case, other space), near ones (a word in fifteen left
out, doubled, moved or replaced), items of evaluations (as they are, in other case, inside another text, a word changed,
short), personal data of six kinds, and rubbish of ten. Recall: the share that is found; precision: of what a step removes
or replaces, the share that was planted. Then generated rows of 6 to 20 words, a tenth of them copies.

    python -m benchmarks.curation [--each 300] [--clean 4000] [--rows 1000000]
"""

import argparse
import re
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.curating import million
from benchmarks.curating.finding import figures
from benchmarks.curating.planting import Planted, planted
from benchmarks.curating.texts import paragraphs
from benchmarks.machine import describe
from benchmarks.own_database import Own, own_database
from mainspring.curation import files
from mainspring.curation.rows import Kind, Origin, Row, Split
from mainspring.curation.surroundings import Surroundings
from mainspring.tables import Deployment
from mainspring.terms import Task
from mainspring.trials.prompts import Given, keep

EARLIER = "e" * 64
NAMED = 1000  # clean rows: names take long


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=300)
    parser.add_argument("--clean", type=int, default=4000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args()
    print(f"Machine: {describe()}")
    clean = paragraphs(asked.clean)
    with own_database() as own, tempfile.TemporaryDirectory(prefix="ms-") as made:
        if asked.each:
            _find(own, clean, asked.each, Path(made))
        if asked.rows:
            _many(own, clean, asked.rows)


def _find(own: Own, clean: list[str], each: int, folder: Path) -> None:
    what = planted(clean, each)
    around = Surroundings(
        own.database, folder, "assistant", Task.TEXT_GENERATION, datetime.now(UTC), lambda *_: None
    )
    _evaluations(own, what, around)
    print(f"\n{len(clean)} different paragraphs, {len(what.rows)} rows with what was planted\n")
    print("| planted | how many | recall | precision | besides | missed |\n|---|---|---|---|---|---|")
    for figure in figures(what, around, folder, [EARLIER], "patterns"):
        print(figure.line(), flush=True)
    names = planted(clean[:NAMED], each // 3, ("name",))
    began = time.perf_counter()
    print(figures(names, around, folder, [], "names")[-1].line())
    print(f"\nwith names: {len(names.rows) / (time.perf_counter() - began):,.0f} rows a second")


def _evaluations(own: Own, what: Planted, around: Surroundings) -> None:
    """Half of the items as a stored set of prompts, half as what an earlier dataset held out; that one is EARLIER."""
    half = len(what.items) // 2
    with own.database.transaction() as session:
        session.add(Deployment(name=around.deployment, task=around.task.value))
        session.flush()
        keep(session, around.deployment, "golden", [Given(item, {}) for item in what.items[:half]])
    folder = around.datasets / EARLIER
    folder.mkdir()
    for split, texts in ((Split.TRAIN, []), (Split.HELD_OUT, what.items[half:])):
        rows = (Row(Kind.TEXT, Origin.UPLOAD, text[:20], text[:20], text=text) for text in texts)
        files.write(folder, split, rows)


def _many(own: Own, clean: list[str], rows: int) -> None:
    counted = Counter(word for text in clean for word in re.findall(r"[a-z]{2,}", text.lower()))
    found = million.measured(own.settings, [word for word, _ in counted.most_common()], rows)
    print(f"\n{rows:,} short rows: {found['seconds']:.0f} s, {rows / found['seconds']:,.0f} rows a second")
    print(
        f"processor {found['processor_seconds']:.0f} s; memory {found['peak']:.0f} MiB at the peak,", end=" "
    )
    print(
        f"{found['before']:.0f} MiB after the first thousand rows; dataset {found['bytes'] / 2**20:.0f} MiB"
    )
    print(f"kept {found['train']:,} + {found['held_out']:,}; removed {found['removed']}")
    print("begun at second:", {name: round(at) for name, at in found["passed"].items()})


if __name__ == "__main__":
    main()
