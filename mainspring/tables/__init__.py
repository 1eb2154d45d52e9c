"""The truth, in PostgreSQL: one file an aggregate. session.py has the one commit."""

from mainspring.tables.base import Base, constant
from mainspring.tables.beat_run import BeatRun
from mainspring.tables.chat_session import ChatSession
from mainspring.tables.dataset import Dataset
from mainspring.tables.delivery import Delivery, DeliveryTry
from mainspring.tables.deployment import Deployment, EngineWish, engine_wish, queue_bound
from mainspring.tables.drift import (
    DriftAlarm,
    DriftDecision,
    DriftReading,
    DriftWatch,
    Reference,
    RequestState,
    RetrainingRequest,
    Trigger,
)
from mainspring.tables.engine_plan import EnginePlan
from mainspring.tables.evaluation import Evaluation, Judgement, Verdict
from mainspring.tables.event import AuditHead, Event
from mainspring.tables.feedback import Feedback, FeedbackKind
from mainspring.tables.figures import Figures, Span
from mainspring.tables.incarnation import HeldVersion, Incarnation, Refusal
from mainspring.tables.job import Job
from mainspring.tables.kept_text import KeptText
from mainspring.tables.mirrored import Mirrored
from mainspring.tables.observation import Observation
from mainspring.tables.prompt import Prompt, PromptSet
from mainspring.tables.reference_request import Making, ReferenceRequest
from mainspring.tables.refresh import Refresh, RefreshState
from mainspring.tables.rollout import Rollout, RolloutState
from mainspring.tables.scrape_target import ScrapeTarget
from mainspring.tables.session import Database
from mainspring.tables.tenant import ApiKey, Tenant
from mainspring.tables.training_run import TrainingRun
from mainspring.tables.trial import Trial, TrialState
from mainspring.tables.version import Stage, Version
from mainspring.tables.work import Wish, Work, WorkState
from mainspring.terms import AlarmKind, DeliveryState, DriftState, EngineName, JobState, Priority, Task

__all__ = [
    "AlarmKind",
    "ApiKey",
    "AuditHead",
    "Base",
    "BeatRun",
    "ChatSession",
    "Database",
    "Dataset",
    "Delivery",
    "DeliveryState",
    "DeliveryTry",
    "Deployment",
    "DriftAlarm",
    "DriftDecision",
    "DriftReading",
    "DriftState",
    "DriftWatch",
    "EngineName",
    "EnginePlan",
    "EngineWish",
    "Evaluation",
    "Event",
    "Feedback",
    "FeedbackKind",
    "Figures",
    "HeldVersion",
    "Incarnation",
    "Job",
    "JobState",
    "Judgement",
    "KeptText",
    "Making",
    "Mirrored",
    "Observation",
    "Priority",
    "Prompt",
    "PromptSet",
    "Reference",
    "ReferenceRequest",
    "Refresh",
    "RefreshState",
    "Refusal",
    "RequestState",
    "RetrainingRequest",
    "Rollout",
    "RolloutState",
    "ScrapeTarget",
    "Span",
    "Stage",
    "Task",
    "Tenant",
    "TrainingRun",
    "Trial",
    "TrialState",
    "Trigger",
    "Verdict",
    "Version",
    "Wish",
    "Work",
    "WorkState",
    "constant",
    "engine_wish",
    "queue_bound",
]
