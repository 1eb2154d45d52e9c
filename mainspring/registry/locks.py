"""Which rows are locked, and in which order, so that nobody waits for somebody who waits for him:

1. deployments, by name: whoever moves a version to another stage, or begins, judges or ends a rollout,
2. its versions and rollouts,
3. the end of the audit chain, with the first event,
4. conversations, by id: here begins whoever accepts a message,
5. jobs, by id.

Deployments and versions are locked FOR NO KEY UPDATE. Every new job, conversation and trial refers to both: it would wait
for FOR UPDATE, with its conversation in its hands, for one who wants that conversation. What beat does again and again
waits for nobody: what another one has locked is looked at the next time.
"""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from mainspring.errors import UnknownDeployment
from mainspring.tables import Deployment


def lock(session: Session, deployment: str) -> Deployment:
    """One at a time numbers and releases the versions of a deployment. Raises UnknownDeployment."""
    row = session.scalar(
        select(Deployment)
        .where(Deployment.name == deployment)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)  # it may have been read before somebody else changed it
    )
    if row is None:
        raise UnknownDeployment(
            f"there is no deployment {deployment}",
            field="deployment",
            remedy="Make it first: mainspring deploy NAME --model MODEL --task TASK.",
        )
    return row


def lock_free(session: Session, deployments: Iterable[str]) -> set[str]:
    """Those of them that nobody else has locked, without waiting for the others."""
    found = session.scalars(
        select(Deployment.name)
        .where(Deployment.name.in_(list(deployments)))
        .order_by(Deployment.name)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return set(found)
