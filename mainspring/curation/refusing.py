"""When what was gathered is rubbish and no dataset. Pure."""

from collections.abc import Mapping

from mainspring.curation.plan import CurationPlan
from mainspring.curation.rows import Kind, Split
from mainspring.errors import DatasetRefused


def refuse_rubbish(plan: CurationPlan, found: int, bad: int) -> None:
    """Before the rest is done. `bad`: of those found, the unreadable and the low in quality. Raises DatasetRefused."""
    if found and bad / found > plan.most_set_aside:
        raise DatasetRefused(
            f"{bad} of {found} rows are unreadable or rubbish, more than {plan.most_set_aside:.0%}",
            field="curate.most_set_aside",
            remedy="See why in set_aside.parquet beside it, mend the source, or allow more in `most_set_aside`.",
            counts={"found": found, "set_aside": bad},
        )


def refuse_poor(
    plan: CurationPlan,
    found: int,
    rows: Mapping[str, int],
    kinds: Mapping[str, int],
    labels: Mapping[str, int],
) -> None:
    """What is left at the end: too little, all on one side, or of one label. Raises DatasetRefused."""
    counts = {"found": found, **rows}
    kept = sum(rows.values())
    if kept < plan.least:
        raise DatasetRefused(
            f"of {found} rows {kept} are left, and the least is {plan.least}",
            field="curate.least",
            remedy="Give more sources or a longer time, or see in the counts of the card which step removes them.",
            counts=counts,
        )
    if not rows[Split.TRAIN] or not rows[Split.HELD_OUT]:
        raise DatasetRefused(
            "all rows belong together, so that none can be held out to measure by",
            field="curate.held_out",
            remedy="Give rows of more groups: of several files, conversations or people.",
            counts=counts,
        )
    if kinds.get(Kind.LABELLED) == kept and len(labels) < 2:
        raise DatasetRefused(
            "all rows have the same label",
            field="curate",
            remedy="Give examples of each label that the model shall tell apart.",
            counts=counts,
        )
