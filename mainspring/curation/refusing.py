"""When what was gathered is rubbish and no dataset."""

from collections.abc import Collection

from mainspring.curation.ledger import Ledger
from mainspring.curation.plan import CurationPlan
from mainspring.curation.rows import Kind, Split
from mainspring.curation.tally import Tally
from mainspring.errors import DatasetRefused

REASONS = 3  # that a refusal names


def refuse_rubbish(plan: CurationPlan, found: int, ledger: Ledger, steps: Collection[str]) -> None:
    """Before the rest is done; `steps`: those that set aside what was of no use. Raises DatasetRefused."""
    bad = ledger.removed(*steps)
    if found and bad / found > plan.most_set_aside:
        why = "; ".join(
            f"{many}: {reason} (first: {first})" for many, reason, first in ledger.most(steps, REASONS)
        )
        raise DatasetRefused(
            f"{bad} of {found} rows are unreadable or rubbish, more than {plan.most_set_aside:.0%}: {why}",
            field="curate.most_set_aside",
            remedy="Mend the sources, each row is named by mainspring datasets show ID --set-aside; or allow more in `most_set_aside`.",
            counts={"found": found, "set_aside": bad},
        )


def refuse_poor(plan: CurationPlan, found: int, tally: Tally) -> None:
    """What is left at the end: too little, all on one side, or of one label. Raises DatasetRefused."""
    kept, counts = tally.rows.total(), {"found": found, **tally.rows}
    if kept < plan.least:
        raise DatasetRefused(
            f"of {found} rows {kept} are left, and the least is {plan.least}",
            field="curate.least",
            remedy="Give more sources or a longer time, or allow fewer rows.",
            counts=counts,
        )
    if not all(tally.rows[split.value] for split in Split):
        raise DatasetRefused(
            "all rows belong together, so that none can be held out to measure by",
            field="curate.held_out",
            remedy="Give rows of more groups: of several files, conversations or people.",
            counts=counts,
        )
    if tally.kinds[Kind.LABELLED.value] == kept and len(tally.labels[Split.TRAIN.value]) < 2:
        raise DatasetRefused(
            "all rows that train have the same label",
            field="curate",
            remedy="Give examples of each label that the model shall tell apart.",
            counts=counts,
        )
