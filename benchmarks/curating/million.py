"""Many short rows, generated: how many a second, and how much memory at the most. In a process of its own."""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path

import orjson

from mainspring.curation.curating import curate
from mainspring.curation.plan import curation_plan
from mainspring.curation.surroundings import Surroundings
from mainspring.settings import Settings
from mainspring.tables import Database
from mainspring.terms import Task

COPIED, CHANGED, WITH_NUMBER = 0.05, 0.05, 0.2  # shares


def measured(settings: Settings, words: list[str], rows: int) -> dict[str, float]:
    """Seconds, rows by step, and MiB: resident at the peak, and before the first row."""
    with tempfile.TemporaryDirectory(prefix="ms-") as made:
        source = Path(made) / "rows.jsonl"
        with source.open("wb") as file:
            for text in _texts(words, rows):
                file.write(orjson.dumps({"text": text}) + b"\n")
        command = [sys.executable, "-m", "benchmarks.curating.million", settings.database_url, str(source)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _texts(words: list[str], rows: int) -> Iterator[str]:
    """Of 6 to 20 words, drawn as often as words are in real text; some are copies of earlier ones, exact or nearly."""
    draw = random.Random(5)
    weights = list(accumulate(1 / (place + 3) for place in range(len(words))))
    earlier: list[str] = []
    for _ in range(rows):
        chance = draw.random()
        if earlier and chance < COPIED:
            yield draw.choice(earlier)
            continue
        if earlier and chance < COPIED + CHANGED:
            said = draw.choice(earlier).split()
            said.insert(draw.randrange(len(said)), "again")
        else:
            said = draw.choices(words, cum_weights=weights, k=draw.randint(6, 20))
            if draw.random() < WITH_NUMBER:
                said.append(f"order {draw.randint(10**6, 10**8)}")
        text = " ".join(said)
        if len(earlier) < 50_000:
            earlier.append(text)
        yield text


def _peak() -> float:
    """MiB. What getrusage() tells of it was inherited: it is the parent's, if that was larger when this began."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def main(url: str, source: Path) -> None:
    database = Database(url)
    before: list[float] = []
    began = time.perf_counter()
    passed: dict[str, float] = {}

    def tell(_: float, activity: str, measures: dict[str, object]) -> None:
        passed.setdefault(activity, time.perf_counter() - began)
        if measures.get("rows_found") == 1000:
            before.append(_peak())

    around = Surroundings(database, source.parent, "assistant", Task.TEXT_GENERATION, datetime.now(UTC), tell)
    plan = curation_plan({"uploads": [{"path": str(source), "licence": "generated"}]})
    made = curate(plan, around, source.parent / "made")
    seconds = time.perf_counter() - began
    processor = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    removed = {step: sum(one["removed"].values()) for step, one in made.card["steps"].items()}
    found = {
        "seconds": seconds,
        "processor_seconds": processor,
        "peak": _peak(),
        "before": before[0],
        **made.rows,
    }
    print(json.dumps(found | {"bytes": made.bytes, "removed": removed, "passed": passed}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
