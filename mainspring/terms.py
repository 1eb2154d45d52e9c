"""The words that clients and the command line share with the rows, without what the rows need."""

from enum import StrEnum

JOBS = "jobs"  # a key's scope: submit, read and cancel jobs
ADMIN = "admin"  # deployments, versions, training runs; the keys of the own tenant
METRICS = "metrics"  # nothing but what any key may: to look at /metrics from elsewhere


class Task(StrEnum):
    """The names of `transformers`' pipelines."""

    TEXT_GENERATION = "text-generation"
    TEXT_CLASSIFICATION = "text-classification"
    TOKEN_CLASSIFICATION = "token-classification"  # noqa: S105  a task, not a secret
    FILL_MASK = "fill-mask"
    QUESTION_ANSWERING = "question-answering"
    FEATURE_EXTRACTION = "feature-extraction"
    TRANSLATION = "translation"
    SUMMARIZATION = "summarization"


class EngineName(StrEnum):
    """Who runs the weights: `auto` is the engine of this process that fits and is fastest."""

    AUTO = "auto"
    SLOTS = "slots"
    CONTINUOUS = "continuous"
    VLLM = "vllm"


class JobState(StrEnum):
    """queued → running → one of the ends."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Priority(StrEnum):
    """A share of the version's work, not a strict order: see serving/turns.py."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    ABANDONED = "abandoned"


class DriftState(StrEnum):
    """What is to be done about a deployment: nothing, look closer, or make a better version."""

    STABLE = "stable"
    WATCH = "watch"
    RETRAIN = "retrain"


class AlarmKind(StrEnum):
    """What moved: what is asked, how well it is answered, or how it is served."""

    DATA = "data"
    PERFORMANCE = "performance"
    OPERATIONAL = "operational"
