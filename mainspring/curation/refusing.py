"""When what was gathered is rubbish and no dataset. Pure."""

from mainspring.curation.plan import CurationPlan
from mainspring.curation.rows import Kind, Split
from mainspring.curation.tally import Tally
from mainspring.errors import DatasetRefused


def refuse_rubbish(plan: CurationPlan, found: int, bad: int) -> None:
    """Before the rest is done. `bad`: of those found, the unreadable and the low in quality. Raises DatasetRefused."""
    if found and bad / found > plan.most_set_aside:
        raise DatasetRefused(
            f"{bad} of {found} rows are unreadable or rubbish, more than {plan.most_set_aside:.0%}",
            field="curate.most_set_aside",
            remedy="Mend the source (the dataset's set_aside.parquet names each row and why), or allow more.",
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
