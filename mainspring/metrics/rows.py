"""All gauges whose truth is in PostgreSQL, by some twenty cheap statements. The api alone shows them, once a few seconds."""

from collections.abc import Iterator

from prometheus_client.core import Metric
from sqlalchemy import Connection, text

from mainspring.metrics import beat, drift, lives, queues, refreshes, rollouts, runs, texts, versions

# Of jobs all is asked by an index, but to learn that none of a version wait, PostgreSQL would rather read every job.
_BY_INDEX = text("set local enable_seqscan = off")


def families(connection: Connection) -> list[Metric]:
    """In a transaction of its own."""
    connection.execute(_BY_INDEX)
    return list(_families(connection))


def _families(connection: Connection) -> Iterator[Metric]:
    known = versions.known(connection)
    yield from versions.families(connection, known)
    yield from queues.families(connection, known)
    yield from rollouts.families(connection)
    yield from lives.families(connection)
    yield from runs.families(connection)
    yield from refreshes.families(connection)
    yield from texts.families(connection)
    yield from beat.families(connection)
    yield from drift.families(connection, known)
