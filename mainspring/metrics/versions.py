"""The versions that live: their stages, and how many workers hold each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from prometheus_client.core import Metric
from sqlalchemy import Connection, case, func, select

from mainspring.metrics.families import gauge
from mainspring.metrics.labels import MOST, OTHER, Bounded, Labels
from mainspring.tables import HeldVersion, Incarnation, Stage, Version

LIVING = (
    Stage.PRODUCTION,
    Stage.CANARY,
    Stage.STAGING,
    Stage.TESTING,
    Stage.DRAINING,
)  # first those that matter most
STATES = ("ready", "loading", "refused")
_ALIVE = (Incarnation.ended_at.is_(None), Incarnation.lease_until > func.now())
_LIVING = (
    select(Version.id, Version.deployment, Version.number, Version.stage)
    .where(Version.stage.in_([stage.value for stage in LIVING]))
    .order_by(
        case({stage.value: place for place, stage in enumerate(LIVING)}, value=Version.stage),
        Version.created_at.desc(),
    )
)
_HELD = (
    select(HeldVersion.version_id, HeldVersion.state, func.count().label("many"))
    .join(Incarnation, Incarnation.id == HeldVersion.incarnation)
    .where(*_ALIVE)
    .group_by(HeldVersion.version_id, HeldVersion.state)
)


@dataclass(frozen=True)
class Known:
    """A living version as series name it."""

    labels: Labels
    stage: str


def known(connection: Connection, most: int = MOST) -> dict[UUID, Known]:
    """All that live, by id; those beyond `most` have the labels `other`."""
    bounded = Bounded(OTHER, most)
    return {
        row.id: Known(bounded(Labels(row.deployment, f"{row.deployment}@{row.number}")), row.stage)
        for row in connection.execute(_LIVING)
    }


def families(connection: Connection, living: Mapping[UUID, Known]) -> Iterator[Metric]:
    yield gauge(
        "mainspring_version_stage",
        "1 for the stage in which a version is; retired and rejected ones are not shown.",
        ("deployment", "version", "stage"),
        (((*one.labels, one.stage), 1) for one in living.values()),
    )
    held = {(row.version_id, row.state): row.many for row in connection.execute(_HELD)}
    yield gauge(
        "mainspring_version_workers",
        "Living workers that have a version ready, load it, or have refused it.",
        ("deployment", "version", "state"),
        (
            ((*one.labels, state), held.get((version, state), 0))
            for version, one in living.items()
            for state in STATES
        ),
    )
