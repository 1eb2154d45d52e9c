"""Further metrics by name, such as of safety and fairness. There is none yet; a plan of a suite names those it wants."""

from collections.abc import Sequence
from typing import Protocol

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from mainspring.evaluation.errors import EvaluationFailed
from mainspring.evaluation.pairing import Scale
from workers.gpu.evaluating.scores import Column, Score, by_score
from workers.gpu.evaluating.task import Examination, Sets, sources


class ExtraMetric(Protocol):
    """`name`: as in a suite's `extra`, such as `safety`; a set's metric is `<name>.<set>`."""

    name: str

    def scale(self, name: str) -> Scale:
        """What the metric of that name is counted in."""
        ...

    def measure(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, sets: Sets
    ) -> dict[str, Sequence[Score | None]]:
        """Of some or all sets, a score of each row in its order; None: the row says nothing of it.

        The same rows and model give the same scores, whatever the other version is.
        """
        ...


EXTRA: dict[str, ExtraMetric] = {}


def register(metric: ExtraMetric) -> None:
    """Under its name, of which there may be one."""
    assert metric.name not in EXTRA
    EXTRA[metric.name] = metric


def examine(this: Examination) -> list[Column]:
    """Those that the suite names. Raises EvaluationFailed for one that is not there, ModelRefused."""
    wanted = [_known(name) for name in this.suite.extra]
    found = []
    if wanted:
        with this.contestant.weights() as loaded:
            for metric in wanted:
                this.begin(f"measuring {metric.name}")
                for name, scores in metric.measure(loaded.model, loaded.tokenizer, this.sets).items():
                    scale = metric.scale(f"{metric.name}.{name}")
                    found.append(Column(scale.name, sources(this.sets[name]), scores, by_score(scale)))
    return found


def _known(name: str) -> ExtraMetric:
    if name not in EXTRA:
        raise EvaluationFailed(
            f"there is no metric `{name}` here",
            field="suite.extra",
            remedy=f"Of further metrics there are: {', '.join(sorted(EXTRA)) or 'none'}.",
        )
    return EXTRA[name]
