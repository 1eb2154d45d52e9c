"""What was asked of a deployment. Its own answers are not learned from unless somebody liked them: see feedback.py."""

from collections.abc import Iterator
from datetime import datetime

from mainspring.curation.found import Found
from mainspring.curation.plan import Traffic
from mainspring.curation.rows import Kind, Origin, Row
from mainspring.curation.sources.asked import group, said_by_people
from mainspring.curation.sources.jobs import Wanted, earliest, jobs
from mainspring.curation.surroundings import Surroundings
from mainspring.terms import Task

READS_PROMPTS = frozenset({Task.TEXT_GENERATION, Task.FEATURE_EXTRACTION})
"""Whose models learn from a text alone. Of a classifier's traffic only what was labelled is of use: feedback.py has that."""


def rows(traffic: Traffic, around: Surroundings, since: datetime | None) -> Iterator[Found]:
    """One for each text that was asked. Nothing for a task that learns from no text alone."""
    if around.task not in READS_PROMPTS:
        return
    wanted = Wanted(traffic.basis, earliest(around, traffic.days, since), traffic.most)
    for job in jobs(around, wanted):
        for text in said_by_people(job.input):
            yield Row(Kind.TEXT, Origin.TRAFFIC, f"job:{job.id}", group(job), text=text, basis=traffic.basis)
