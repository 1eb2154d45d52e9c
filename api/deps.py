"""What routes ask for: the open backends, and `transact`, by which a request becomes one transaction."""

from collections.abc import Callable
from typing import Annotated, Concatenate, ParamSpec, TypeVar

from anyio import to_thread
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from api.backends import Backends
from mainspring.access import Caller, identify

P = ParamSpec("P")
T = TypeVar("T")


class Transact:
    """`await transact(work, *args)` runs `work(session, caller, *args)` in a thread and has committed when it returns.

    `await transact.plainly(work)` gives it a connection instead, on which each statement is a transaction: for the
    road of a job, whose every step is one conditional statement. Each step saves two round trips and the ORM.

    The caller is identified once a request. Raises Unauthenticated and whatever `work` raises.
    """

    def __init__(self, backends: Backends, authorization: str) -> None:
        self._backends = backends
        self._authorization = authorization
        self._caller: Caller | None = None

    async def __call__(
        self, work: Callable[Concatenate[Session, Caller, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def transaction() -> T:
            with self._backends.database.transaction() as session:
                return work(session, self._identified(session.connection()), *args, **kwargs)

        return await to_thread.run_sync(transaction, limiter=self._backends.limiter)

    async def plainly(
        self, work: Callable[[Connection, Caller], T], then: Callable[[T], None] = lambda _: None
    ) -> T:
        """`then` is called in the thread that has written: what must leave at once leaves from there."""

        def statements() -> T:
            with self._backends.database.each() as connection:
                result = work(connection, self._identified(connection))
            then(result)
            return result

        return await to_thread.run_sync(statements, limiter=self._backends.limiter)

    async def together(
        self, work: Callable[[Connection, Caller], T], then: Callable[[T], None] = lambda _: None
    ) -> T:
        """As `plainly`, in one transaction: for steps of a job's road that write more than one row."""

        def transaction() -> T:
            with self._backends.database.begin() as connection:
                result = work(connection, self._identified(connection))
            then(result)
            return result

        return await to_thread.run_sync(transaction, limiter=self._backends.limiter)

    def _identified(self, connection: Connection) -> Caller:
        if self._caller is None:
            self._caller = identify(connection, self._authorization)
        return self._caller


def opened_by(request: Request) -> Backends:
    """What the application that this request came to holds open."""
    found = request.app.state.backends
    assert isinstance(found, Backends)
    return found


async def _backends(request: Request) -> Backends:
    return opened_by(request)


def authorization(request: Request) -> str:
    """A key is visible ASCII; anything else must not reach the database, which refuses NUL."""
    given = request.headers.get("authorization", "")
    return given if given.isascii() and given.isprintable() else ""


BEARER = HTTPBearer(auto_error=False, description="An API key; `mainspring key` prints the embedded stack's.")


TheBackends = Annotated[Backends, Depends(_backends)]


async def _transact(request: Request, backends: TheBackends) -> Transact:
    return Transact(backends, authorization(request))


Transacting = Annotated[Transact, Depends(_transact)]
