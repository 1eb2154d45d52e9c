"""What the gate asks where a policy names no metrics: that what the task is about rises, and nothing else is lost."""

from mainspring.evaluation.plan import GatePlan, Rule
from mainspring.terms import Task

_NEW = Rule(role="must_rise")
_WORDS = {
    "likelihood.new": _NEW,
    "likelihood.*": Rule(role="must_not_fall", tolerance=0.1),
}


def _share(*names: str) -> dict[str, Rule]:
    """Metrics between 0 and 1: of the new set they rise, of no other they fall by more than two hundredths."""
    found = {f"{name}.new": _NEW for name in names[:1]}
    kept = Rule(role="must_not_fall", tolerance=0.02, when_missing="ignore")
    return found | {f"{name}.*": kept for name in names}


# Beside what the task is about, of any task, if it was measured.
_ANY = {
    "golden": Rule(role="must_not_fall", when_missing="ignore"),
    "judge": Rule(role="must_not_fall", tolerance=0.1, when_missing="ignore"),
    "harness.*": Rule(role="must_not_fall", tolerance=0.05, when_missing="ignore"),
    "safety.*": Rule(role="must_not_fall", tolerance=0.01, weight=3, when_missing="ignore"),
    "fairness.*": Rule(role="must_not_fall", tolerance=0.02, weight=3, when_missing="ignore"),
    "calibration.*": Rule(role="informs"),
    "robustness.*": Rule(role="informs"),
    "latency": Rule(role="must_not_fall", tolerance="50%", when_missing="ignore"),
    "throughput": Rule(role="informs"),
}
_BY_TASK: dict[Task, dict[str, Rule]] = {
    Task.TEXT_GENERATION: _WORDS,
    Task.FILL_MASK: _WORDS,
    Task.TEXT_CLASSIFICATION: _share("accuracy", "f1"),
    Task.TOKEN_CLASSIFICATION: _share("f1", "accuracy"),
    Task.QUESTION_ANSWERING: _share("f1", "exact_match"),
    Task.FEATURE_EXTRACTION: _share("accuracy"),
    Task.TRANSLATION: _share("chrf"),
    Task.SUMMARIZATION: _share("rouge_l"),
}


def filled(plan: GatePlan, task: Task) -> GatePlan:
    """With the task's rules where the plan names none. This is what is stored beside a verdict."""
    return plan if plan.metrics is not None else plan.model_copy(update={"metrics": _BY_TASK[task] | _ANY})
