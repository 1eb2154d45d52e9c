"""What the deployment is measured by: its stored sets of prompts, and what its earlier datasets held out."""

from array import array
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from mainspring.curation import files
from mainspring.curation.hashing import same
from mainspring.curation.plan import CurationPlan
from mainspring.curation.rows import Row, Split
from mainspring.curation.sources.asked import said_by_people
from mainspring.curation.sources.replay import stored
from mainspring.curation.steps.contamination import LEAST_ANSWER, Evaluations
from mainspring.curation.surroundings import Surroundings
from mainspring.tables import Prompt, PromptSet


def evaluations(plan: CurationPlan, around: Surroundings, change: Callable[[str], str]) -> Evaluations:
    """`change`: what is done to the rows' texts before they are compared. Raises DatasetRefused for a dataset not here."""
    found = Evaluations()
    for row in _held_out(plan, around):
        found.add(row)
    for given, expected in _prompts(around):
        for text in said_by_people(given):
            found.add_text(change(text))
        if expected:
            found.add_text(change(expected), least=LEAST_ANSWER)
    return found


def learned(plan: CurationPlan, around: Surroundings) -> NDArray[np.uint64]:
    """What earlier versions trained with, each row as a number, in order: to hold out what they know would flatter them."""
    numbers = array("Q")
    for digest, field in _earlier(plan).items():
        folder = stored(around.datasets, digest, field)
        numbers.extend(same(row) for row in files.read(folder, Split.TRAIN))
    return np.unique(np.frombuffer(numbers, np.uint64)) if numbers else np.zeros(0, np.uint64)


def _held_out(plan: CurationPlan, around: Surroundings) -> Iterator[Row]:
    for digest, field in _earlier(plan).items():
        yield from files.read(stored(around.datasets, digest, field), Split.HELD_OUT)


def _earlier(plan: CurationPlan) -> dict[str, str]:
    """Each digest, and the field that names it."""
    named = {digest: f"curate.evaluation.{number}" for number, digest in enumerate(plan.evaluation)}
    return named | {one.dataset: f"curate.replay.{number}.dataset" for number, one in enumerate(plan.replay)}


def _prompts(around: Surroundings) -> Iterator[tuple[object, str | None]]:
    statement = (
        select(Prompt.input, Prompt.expected)
        .join(PromptSet, PromptSet.id == Prompt.set_id)
        .where(PromptSet.deployment == around.deployment)
        .order_by(PromptSet.name, Prompt.position)
    )
    with around.database.begin() as connection:
        for one in connection.execute(statement).all():
            yield one.input, one.expected
