"""The first pass: each row by itself goes through the steps, and those that are left wait for the second."""

import math
from collections.abc import Sequence

from mainspring.curation.found import SetAside, aside
from mainspring.curation.gathering import gathered
from mainspring.curation.ledger import Ledger
from mainspring.curation.plan import CurationPlan
from mainspring.curation.rows import KINDS, Row
from mainspring.curation.sources.evaluations import evaluations
from mainspring.curation.sources.uploads import FILE, ROW
from mainspring.curation.spill import Spill
from mainspring.curation.steps import Step
from mainspring.curation.steps.language import speaking
from mainspring.curation.steps.normalise import normalise
from mainspring.curation.steps.personal import PERSONAL, scrubbing
from mainspring.curation.steps.quality import quality
from mainspring.curation.surroundings import Surroundings
from mainspring.terms import Task

KIND, NORMALISE, LANGUAGE, QUALITY = "kind", "normalise", "language", "quality"
BAD = (ROW, KIND, NORMALISE, QUALITY)  # what these remove was of no use, from the beginning
TELL_EACH = 1000  # rows
_USUAL = 100_000  # rows after which more than half of this pass's part of the progress is shown


def clean(plan: CurationPlan, around: Surroundings, ledger: Ledger, spill: Spill) -> int:
    """How many items of evaluations the rows were compared with. Raises DatasetRefused for a source that is not there, and what `tell` raises."""
    steps = _steps(plan, around.task)
    known = evaluations(plan, around, PERSONAL[plan.pii])
    for step in (FILE, ROW, *(name for name, _ in steps)):
        ledger.of(step)
    for number, (found, pin) in enumerate(gathered(plan, around)):
        if number % TELL_EACH == 0:
            part = 1 - math.exp(-number / _USUAL)
            around.tell(0.02 + 0.63 * part, "gathering and cleaning", {"rows_found": number})
        if isinstance(found, SetAside):
            ledger.of(found.step).seen += 1
            ledger.put(found)
            continue
        ledger.of(ROW).seen += 1
        row = _through(steps, found, ledger)
        if row is not None:
            spill.put(row, pin, known=known.holds(row))
    spill.close()
    return known.items


def _steps(plan: CurationPlan, task: Task) -> list[tuple[str, Step]]:
    steps: list[tuple[str, Step]] = [(KIND, _fitting(task)), (NORMALISE, normalise)]
    steps.append((LANGUAGE, speaking(plan.languages)))
    if plan.quality:
        steps.append((QUALITY, quality))
    return [*steps, ("personal_data", scrubbing(plan.pii))]


def _fitting(task: Task) -> Step:
    kinds = KINDS[task]

    def step(row: Row) -> Row | str:
        return row if row.kind in kinds else f"{task.value} does not learn from {row.kind.value} rows"

    return step


def _through(steps: Sequence[tuple[str, Step]], row: Row, ledger: Ledger) -> Row | None:
    for name, step in steps:
        counts, before = ledger.of(name), row
        counts.seen += 1
        after = step(before)
        if isinstance(after, str):
            ledger.put(aside(before, name, after))
            return None
        counts.changed += after is not before
        row = after
    return row
