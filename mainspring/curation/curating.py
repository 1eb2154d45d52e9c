"""From a plan to a dataset: rows are gathered and cleaned in one pass, compared, and written with their card in another."""

import shutil
from pathlib import Path
from typing import Any

import orjson

from mainspring.curation.card import Tally, example
from mainspring.curation.found import SetAside, aside
from mainspring.curation.gathering import gathered
from mainspring.curation.ledger import Ledger
from mainspring.curation.plan import CurationPlan
from mainspring.curation.refusing import refuse_poor, refuse_rubbish
from mainspring.curation.rows import KINDS
from mainspring.curation.settling import settled
from mainspring.curation.spill import Spill
from mainspring.curation.surroundings import Curated, Surroundings
from mainspring.curation.writing import written

WAITING = ".waiting"
SET_ASIDE = "set_aside.parquet"
CARD = "card.json"


def curate(plan: CurationPlan, around: Surroundings, folder: Path) -> Curated:
    """Fills `folder`, which has to be empty. Raises DatasetRefused for what is no dataset, and what `tell` raises."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger, spill = Ledger(folder / SET_ASIDE), Spill(folder / WAITING)
    try:
        _gather(plan, around, ledger, spill)
        what = settled(plan, spill, around.tell)
        digest, tally = written(folder, spill, what, ledger)
    finally:
        ledger.close()
        shutil.rmtree(folder / WAITING, ignore_errors=True)
    found = ledger.of("read").seen
    refuse_poor(plan, found, tally.rows, tally.kinds, sum(tally.labels.values(), start=type(tally.kinds)()))
    card = _card(plan, around, ledger, digest, tally)
    (folder / CARD).write_bytes(orjson.dumps(card, option=orjson.OPT_INDENT_2))
    size = sum(path.stat().st_size for path in folder.iterdir())
    return Curated(folder, digest, dict(tally.rows), dict(tally.kinds), size, card)


def _gather(plan: CurationPlan, around: Surroundings, ledger: Ledger, spill: Spill) -> None:
    kinds = KINDS[around.task]
    read, fitting = ledger.of("read"), ledger.of("kind")
    for found, pin in gathered(plan, around):
        read.seen += 1
        if isinstance(found, SetAside):
            ledger.put(found)
            continue
        fitting.seen += 1
        if found.kind not in kinds:
            ledger.put(
                aside(found, "kind", f"{around.task.value} does not learn from {found.kind.value} rows")
            )
            continue
        spill.put(found, pin, known=False)
    spill.close()
    refuse_rubbish(plan, read.seen, ledger.removed("read", "kind"))


def _card(
    plan: CurationPlan, around: Surroundings, ledger: Ledger, digest: str, tally: Tally
) -> dict[str, Any]:
    return {
        "digest": digest,
        "deployment": around.deployment,
        "task": around.task.value,
        "plan": plan.model_dump(mode="json", exclude_none=True),
        "rows": dict(tally.rows),
        "kinds": dict(tally.kinds),
        "origins": dict(tally.origins),
        "licences": dict(tally.licences),
        "bases": dict(tally.bases),
        "languages": dict(tally.languages),
        "labels": {split: dict(counts) for split, counts in tally.labels.items()},
        "steps": ledger.as_json(),
        "examples": [example(row) for _, row in tally.examples],
    }
