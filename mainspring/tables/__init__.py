"""The truth, in PostgreSQL: one file an aggregate. session.py has the one commit."""

from mainspring.tables.base import Base, constant
from mainspring.tables.deployment import Deployment, Task, queue_bound
from mainspring.tables.event import Event
from mainspring.tables.incarnation import HeldVersion, Incarnation
from mainspring.tables.job import Job, JobState
from mainspring.tables.observation import Observation
from mainspring.tables.session import Database
from mainspring.tables.tenant import ApiKey, Tenant
from mainspring.tables.training_run import RunState, TrainingRun
from mainspring.tables.version import Stage, Version

__all__ = [
    "ApiKey",
    "Base",
    "Database",
    "Deployment",
    "Event",
    "HeldVersion",
    "Incarnation",
    "Job",
    "JobState",
    "Observation",
    "RunState",
    "Stage",
    "Task",
    "Tenant",
    "TrainingRun",
    "Version",
    "constant",
    "queue_bound",
]
