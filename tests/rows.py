"""Rows that tests begin from, made by the product's own verbs where there is one."""

from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.access import Caller
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


def champion(session: Session, name: str = "assistant", task: str = "text-generation") -> Version:
    """A deployment with one version in production, of a model that is not there."""
    session.add(Deployment(name=name, task=task))
    session.flush()
    version = Version(
        id=uuid4(),
        deployment=name,
        number=1,
        digest="0" * 64,
        path="0" * 64,
        architecture="LlamaForCausalLM",
        parameters=1,
    )
    session.add(version)
    session.flush()
    advance(session, version, Stage.PRODUCTION, actor="test", reason="the first")
    return version


def submit(session: Session, deployment: str = "assistant", **more: object) -> UUID:
    asked = Submission(deployment, more.pop("input", "hello"), **more)  # type: ignore[arg-type]
    return accept(session.connection(), caller(session), asked).job_id
