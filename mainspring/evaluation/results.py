"""What an evaluation found: of each metric the challenger's figure, the champion's, and how far they are apart."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Estimate:
    """`low` to `high`: the interval of the level that the results name. Both None: of too little to say one.

    The same three numbers where all there is was measured, and nothing drawn from it.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Measured:
    """One metric, `<metric>.<set>` or `<metric>` alone. `unit`: in words, such as `nats per token`.

    `difference`: the challenger minus the champion, on the same items. `items`: how many these were; `clusters`: from
    how many sources, which is what an interval rests on. `challenger` None: none of its numbers was one. `details`:
    what else there is to tell, as JSON. The gate knows three of them: `broken`, how many of the challenger's items
    gave no finite number; `whole`, true where the items are all there is and no sample; `why`, why no interval is said.
    """

    name: str
    unit: str
    better: Better
    challenger: Estimate | None
    champion: Estimate | None = None
    difference: Estimate | None = None
    items: int = 0
    clusters: int = 0
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """Without the set: `likelihood` of `likelihood.old`."""
        return self.name.partition(".")[0]

    @property
    def gain(self) -> Estimate | None:
        """The difference turned so that more is better."""
        found = self.difference
        if found is None or self.better == "higher":
            return found
        low, high = (None if one is None else -one for one in (found.high, found.low))
        return Estimate(-found.value, low, high)


@dataclass(frozen=True)
class Results:
    """`level`: how often an interval holds the true value, two-sided. `notes`: what could not be measured, and why."""

    level: float
    measured: tuple[Measured, ...]
    notes: tuple[str, ...] = ()

    def of(self, name: str) -> Measured | None:
        """The metric of that name; None: it was not measured."""
        return next((one for one in self.measured if one.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """For a row of JSON: results_of() reads it back as it was."""
        found = asdict(self)
        return found | {"measured": list(found["measured"]), "notes": list(self.notes)}


def results_of(record: Mapping[str, Any]) -> Results:
    """From what as_json() gives. Raises KeyError or TypeError for anything else."""
    return Results(
        float(record["level"]), tuple(_measured(one) for one in record["measured"]), tuple(record["notes"])
    )


def _measured(record: Mapping[str, Any]) -> Measured:
    estimates = {
        name: None if record[name] is None else Estimate(**record[name])
        for name in ("challenger", "champion", "difference")
    }
    return Measured(**(dict(record) | estimates))
