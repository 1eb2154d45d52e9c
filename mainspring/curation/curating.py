"""From a plan to a dataset: rows are cleaned one by one, compared with each other, and written with their card."""

import shutil
from dataclasses import replace
from pathlib import Path

import orjson

from mainspring.curation.card import card_of
from mainspring.curation.cleaning import BAD, clean
from mainspring.curation.excluded import NAME
from mainspring.curation.ledger import Ledger
from mainspring.curation.page import page
from mainspring.curation.plan import CurationPlan
from mainspring.curation.refusing import refuse_poor, refuse_rubbish
from mainspring.curation.settling import settled
from mainspring.curation.sources.uploads import ROW
from mainspring.curation.spill import Spill
from mainspring.curation.surroundings import Curated, Surroundings
from mainspring.curation.writing import Written, written

WAITING = ".waiting"  # what is needed between the passes alone
CARD, PAGE = "card.json", "README.md"


def curate(plan: CurationPlan, around: Surroundings, folder: Path) -> Curated:
    """Fills `folder`, which has to be empty. Raises DatasetRefused for what is no dataset, when it says there which rows
    were set aside; and what `tell` raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder / NAME)
    try:
        made = _made(plan, around, folder, ledger)
    finally:
        ledger.close()
        shutil.rmtree(folder / WAITING, ignore_errors=True)
    refuse_poor(plan, ledger.of(ROW).seen, made.tally)
    around.tell(0.98, "describing", {"rows": dict(made.tally.rows)})
    card = card_of(plan, around, ledger, made)
    (folder / CARD).write_bytes(orjson.dumps(card, option=orjson.OPT_INDENT_2))
    (folder / PAGE).write_text(page(card), encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    return Curated(folder, made.digest, dict(made.tally.rows), dict(made.tally.kinds), size, card)


def _made(plan: CurationPlan, around: Surroundings, folder: Path, ledger: Ledger) -> Written:
    spill = Spill(
        folder / WAITING,
        near=plan.near_duplicates is not None,
        semantic=plan.semantic_duplicates is not None,
    )
    try:
        items = clean(plan, around, ledger, spill)
        refuse_rubbish(plan, ledger.of(ROW).seen, ledger, BAD)
        what = settled(plan, around, spill)
        return replace(written(folder, spill, what, ledger, around.tell), items=items)
    finally:
        spill.forget()
