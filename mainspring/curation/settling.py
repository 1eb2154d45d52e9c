"""The second pass: of the rows that wait, which stay and on which side of the split. Their numbers alone are looked at."""

from mainspring.curation.duplicates import exact
from mainspring.curation.fates import Fates
from mainspring.curation.plan import CurationPlan
from mainspring.curation.spill import Spill
from mainspring.curation.splitting import FREE, sides
from mainspring.curation.surroundings import Tell
from mainspring.curation.writing import Settled

LEAKS = "contamination"
ASKED = "an evaluation holds it"
TORN = "it is close to both sides of an earlier split"
SPLIT = "split"


def settled(plan: CurationPlan, spill: Spill, tell: Tell) -> Settled:
    numbers, fates = spill.numbers, Fates.of(len(spill.numbers))
    tell(0.7, "looking for duplicates", {})
    exact.mark(numbers, fates)
    found = sides(numbers.of("group"), numbers.of("pin"), fates.linked, fates.stays, plan.held_out)
    known, free = numbers.of("known").astype(bool), numbers.of("pin") == FREE
    fates.remove(known & free & ~found.held_out, LEAKS, ASKED)
    fates.remove(found.torn, SPLIT, TORN)
    return Settled(fates, found.held_out)
