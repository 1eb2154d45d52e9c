"""The truth, in PostgreSQL: one file an aggregate. session.py has the one commit."""

from mainspring.tables.base import Base, constant
from mainspring.tables.chat_session import ChatSession
from mainspring.tables.delivery import Delivery, DeliveryTry
from mainspring.tables.deployment import Deployment, EngineWish, engine_wish, queue_bound
from mainspring.tables.engine_plan import EnginePlan
from mainspring.tables.event import AuditHead, Event
from mainspring.tables.feedback import Feedback, FeedbackKind
from mainspring.tables.incarnation import HeldVersion, Incarnation, Refusal
from mainspring.tables.job import Job
from mainspring.tables.observation import Observation
from mainspring.tables.prompt import Prompt, PromptSet
from mainspring.tables.rollout import Rollout, RolloutState
from mainspring.tables.session import Database
from mainspring.tables.tenant import ApiKey, Tenant
from mainspring.tables.training_run import RunState, TrainingRun
from mainspring.tables.trial import Trial, TrialState
from mainspring.tables.version import Stage, Version
from mainspring.terms import DeliveryState, EngineName, JobState, Priority, Task

__all__ = [
    "ApiKey",
    "AuditHead",
    "Base",
    "ChatSession",
    "Database",
    "Delivery",
    "DeliveryState",
    "DeliveryTry",
    "Deployment",
    "EngineName",
    "EnginePlan",
    "EngineWish",
    "Event",
    "Feedback",
    "FeedbackKind",
    "HeldVersion",
    "Incarnation",
    "Job",
    "JobState",
    "Observation",
    "Priority",
    "Prompt",
    "PromptSet",
    "Refusal",
    "Rollout",
    "RolloutState",
    "RunState",
    "Stage",
    "Task",
    "Tenant",
    "TrainingRun",
    "Trial",
    "TrialState",
    "Version",
    "constant",
    "engine_wish",
    "queue_bound",
]
