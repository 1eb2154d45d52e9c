"""The one place that commits: one request or one task is one transaction."""

import select
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import orjson
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import InvalidatePoolError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker


class Database:
    """A pool of connections. Thread-safe; make one a process, after any fork."""

    def __init__(self, url: str, *, pool_size: int = 10, lock_timeout_seconds: float = 10.0) -> None:
        options = f"-c lock_timeout={int(lock_timeout_seconds * 1000)} -c timezone=UTC"
        self.engine = _engine(url, options, pool_size)
        self._statements = _engine(url, options, pool_size, isolation_level="AUTOCOMMIT")
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Commit at the end of the block, roll back if it raises."""
        with self._sessions() as session, session.begin():
            yield session

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """The same below the ORM, at a third of its cost: for what every job does."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def each(self) -> Iterator[Connection]:
        """Each statement is its own transaction: saves a job that needs only one the round trips around it."""
        with self._statements.connect() as connection:
            yield connection

    def ping(self) -> None:
        """Raises sqlalchemy.exc.OperationalError when the server does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("select 1"))

    def close(self) -> None:
        self.engine.dispose()
        self._statements.dispose()


@contextmanager
def grouped(connection: Connection) -> Iterator[None]:
    """One transaction on a connection that commits each statement; nothing on one that is inside a transaction."""
    if not connection.connection.driver_connection.autocommit:  # type: ignore[union-attr]
        yield
        return
    connection.exec_driver_sql("begin")
    with ExitStack() as undo:
        undo.callback(_roll_back, connection)
        yield
        undo.pop_all()
    connection.exec_driver_sql("commit")


def _roll_back(connection: Connection) -> None:
    with suppress(SQLAlchemyError):  # the connection is broken: what is raised says why
        connection.exec_driver_sql("rollback")


def _engine(url: str, options: str, pool_size: int, **more: Any) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=30,
        pool_use_lifo=True,  # the connection used last has its statements prepared and its caches warm
        json_serializer=_dumps,
        json_deserializer=orjson.loads,
        hide_parameters=True,  # an exception's text must not carry a prompt
        connect_args={"options": options, "connect_timeout": 5},
        **more,
    )
    event.listen(engine, "checkout", _refuse_dead)
    return engine


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """A server speaks only when asked, so an idle connection with something to read was closed: so were the others.

    Costs two microseconds, where a ping costs a round trip.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise InvalidatePoolError("the server has closed this connection")
