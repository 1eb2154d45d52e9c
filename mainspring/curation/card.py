"""The data card: whence the rows are, by what right, what was removed and why, and what they look like."""

from collections import Counter
from typing import Any

from mainspring.curation.ledger import Ledger
from mainspring.curation.plan import CurationPlan
from mainspring.curation.rows import Row, Split
from mainspring.curation.steps.personal import scrub
from mainspring.curation.surroundings import Surroundings
from mainspring.curation.texts import mapped
from mainspring.curation.writing import Written

LONGEST = 600  # characters of an example's text
MOST_LABELS = 1000


def card_of(plan: CurationPlan, around: Surroundings, ledger: Ledger, made: Written) -> dict[str, Any]:
    """As JSON. The same for the same rows and plan: no moment is in it, and no place of this machine but the plan's own."""
    tally = made.tally
    labels = {split: dict(counts.most_common(MOST_LABELS)) for split, counts in tally.labels.items()}
    return {
        "digest": made.digest,
        "deployment": around.deployment,
        "task": around.task.value,
        "rows": dict(tally.rows),
        "characters": tally.characters,
        "kinds": dict(tally.kinds),
        "origins": dict(tally.origins),
        "licences": dict(tally.licences),
        "bases": dict(tally.bases),
        "languages": dict(tally.languages.most_common()),
        "labels": labels,
        "imbalance": imbalance(tally.labels[Split.TRAIN.value]),
        "steps": ledger.as_json(),
        "linked": made.linked,
        "evaluation_items": made.items,
        "plan": plan.model_dump(mode="json", exclude_none=True),
        "examples": [example(row if plan.pii != "off" else mapped(row, scrub)) for row in tally.examples],
    }


def imbalance(labels: Counter[str]) -> float | None:
    """How many times as many rows the largest label has as the smallest; None: there are no two of them."""
    return max(labels.values()) / min(labels.values()) if len(labels) > 1 else None


def example(row: Row) -> dict[str, Any]:
    """Without the fields that say nothing, and not longer than fits on a page."""
    said: dict[str, Any] = {
        "kind": row.kind.value,
        "origin": row.origin.value,
        "messages": [{"role": one.role, "content": one.content[:LONGEST]} for one in row.messages],
    }
    for name in ("heading", "text", "label", "target", "chosen", "rejected"):
        said[name] = (getattr(row, name) or "")[:LONGEST]
    return {name: value for name, value in said.items() if value}
