"""Rows that tests begin from, made by the product's own verbs where there is one."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.access import Caller
from mainspring.identifiers import uuid7
from mainspring.lifecycle import advance
from mainspring.serving.accept import accept
from mainspring.serving.receipt import Submission
from mainspring.tables import Deployment, Stage, Tenant, Version


def caller(session: Session, name: str = "default") -> Caller:
    tenant = session.scalar(select(Tenant).where(Tenant.name == name))
    if tenant is None:
        tenant = Tenant(id=uuid4(), name=name)
        session.add(tenant)
        session.flush()
    return Caller(tenant.id, uuid4(), frozenset({"jobs", "admin"}))


def registered(session: Session, deployment: str, number: int = 1, **more: Any) -> Version:
    """A version of a model that is not there."""
    usual = {"digest": str(number), "path": str(number), "architecture": "LlamaForCausalLM", "parameters": 1}
    version = Version(id=uuid7(), deployment=deployment, number=number, **(usual | more))
    session.add(version)
    session.flush()
    return version


def champion(session: Session, name: str = "assistant", task: str = "text-generation") -> Version:
    """A deployment with one version in production, of a model that is not there."""
    session.add(Deployment(name=name, task=task))
    session.flush()
    version = registered(session, name, digest="0" * 64, path="0" * 64)
    advance(session, version, Stage.PRODUCTION, actor="test", reason="the first")
    return version


def submit(session: Session, /, deployment: str = "assistant", **more: object) -> UUID:
    asked = Submission(deployment, more.pop("input", "hello"), **more)  # type: ignore[arg-type]
    return accept(session.connection(), caller(session), asked).job_id
