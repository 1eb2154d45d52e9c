"""All rows of a plan, source after source: what people said comes first, since of two alike the first stays."""

from collections.abc import Iterator

from mainspring.curation.found import Found
from mainspring.curation.plan import CurationPlan
from mainspring.curation.rows import Split
from mainspring.curation.sources import docstrings, feedback, library, replay, traffic, uploads
from mainspring.curation.surroundings import Surroundings

Gathered = tuple[Found, Split | None]


def gathered(plan: CurationPlan, around: Surroundings) -> Iterator[Gathered]:
    """Each with the split that it has to stay in, if it was in one before. Raises DatasetRefused."""
    for found in _new(plan, around):
        yield found, None
    for number, wanted in enumerate(plan.replay):
        yield from replay.rows(wanted, around.datasets, f"curate.replay.{number}.dataset")


def _new(plan: CurationPlan, around: Surroundings) -> Iterator[Found]:
    if plan.feedback is not None:
        yield from feedback.rows(plan.feedback, around)
    if plan.traffic is not None:
        yield from traffic.rows(plan.traffic, around, plan.since)
    for number, upload in enumerate(plan.uploads):
        yield from uploads.rows(upload, f"curate.uploads.{number}")
    if isinstance(plan.docstrings, dict):
        yield from docstrings.labelled(plan.docstrings)
    elif plan.docstrings:
        yield from docstrings.texts(plan.docstrings, field="curate.docstrings")
    if plan.library is not None:
        yield from library.rows(plan.library, around, plan.since)
