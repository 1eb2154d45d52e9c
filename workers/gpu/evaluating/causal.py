"""text-generation: how likely the texts of each set are."""

from workers.gpu.evaluating.reading import Reader
from workers.gpu.evaluating.scores import Column
from workers.gpu.evaluating.task import Examination

TOKENS = "nats per token"


def examine(this: Examination) -> list[Column]:
    """`likelihood.<set>`. Raises ModelRefused."""
    with this.contestant.weights() as loaded:
        reader = Reader(loaded)
        found = []
        for name, rows in this.sets.items():
            tick = this.steps.begin(f"{this.contestant.who}: reading {name}")
            scores = reader.scores([reader.passage(row) for row in rows], tick)
            details = {} if reader.anchored else {"first_tokens": "not counted"}
            found.append(
                Column(f"likelihood.{name}", TOKENS, "higher", this.clusters(name), scores, details=details)
            )
    return found
