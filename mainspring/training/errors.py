"""How a training run can end otherwise than with a version."""

from mainspring.errors import MainspringError


class TrainingFailed(MainspringError):
    """The recipe could not be carried out; the detail says why."""

    code = "training_failed"
    title = "The training run failed"


class RunInterrupted(MainspringError):
    """The worker is told to stop; the run goes back to its queue and resumes from its checkpoint."""

    code = "run_interrupted"
    title = "The training run was interrupted and will go on"
    retryable = True


class RunLost(RunInterrupted):
    """The fence refused: this run now belongs to another attempt, and nothing more may be written of it."""

    code = "run_lost"
    title = "The training run belongs to another worker now"


class RunCancelled(MainspringError):
    """Somebody does not want it any more; nothing of it is kept."""

    code = "run_cancelled"
    title = "The training run was cancelled"
